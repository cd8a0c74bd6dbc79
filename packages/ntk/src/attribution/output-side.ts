import { parameterUses, vjp } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type Functional } from '../change/functional.js';
import { checkFiniteTensor } from '../check.js';
import { type FeatureSide, sequenceSide } from '../kernel/feature-sides.js';
import { runsOf } from '../runs.js';
import { type Contexts, nextTokens } from '../sequences/batches.js';
import type { SequenceModel } from '../sequences/sequence-model.js';

/** Contexts, and the gradient of a functional at each of them on its way to the parameters. */
export interface OutputSide extends FeatureSide {
  /** `[N, V]`, with respect to `W phi`: `h`. The gradient of the classifier is `h phi^T`. */
  readonly h: tf.Tensor2D;
  /** `[N, D]`, with respect to the features: `W^T h`. */
  readonly u: tf.Tensor2D;
}

/** Rows of logits that are looked at together. */
const ROWS = 128;

/** Features and gradients at positions of sequences; a cap on the logits is part of the functional. */
export function outputSide(
  where: string,
  model: SequenceModel,
  contexts: readonly Contexts[],
  functional: Functional,
  batchSize: number,
): OutputSide {
  // What is asked here of the logits is their gradient, which a cap has too.
  const side = sequenceSide(where, { ...model, linear: true }, contexts, batchSize);
  const next = nextTokens(contexts);
  const parts = runsOf(0, next.length, ROWS).map(([from, to]) =>
    tf.tidy(() => {
      const phi = tf.slice(side.phi, [from, 0], [to - from, -1]);
      return gradients(where, model, functional, phi, next.slice(from, to));
    }),
  );
  const h = tf.concat(parts.map((part) => part.h)) as tf.Tensor2D; // prettier-ignore
  const u = tf.concat(parts.map((part) => part.u)) as tf.Tensor2D; // prettier-ignore
  checkFiniteTensor(`${where}: the gradient of functional '${functional.name}'`, u);
  return { ...side, h, u };
}

function gradients(
  where: string,
  model: SequenceModel,
  functional: Functional,
  phi: tf.Tensor2D,
  next: readonly number[],
): { h: tf.Tensor2D; u: tf.Tensor2D } {
  const { params, classifier, linear } = model;
  const tokens = tf.tensor1d([...next], 'int32');
  const logits = model.logits(params, phi);
  const ofLogits = vjp(
    ({ z }) => functional.values(z as tf.Tensor2D, tokens),
    { z: logits },
    tf.ones([next.length]),
  ).grads['z'] as tf.Tensor2D;
  const u = vjp(({ x }) => model.logits(params, x as tf.Tensor2D), { x: phi }, ofLogits).grads['x'];
  if (linear) return { h: ofLogits, u: u as tf.Tensor2D };
  const { uses } = parameterUses(
    (moving) => model.logits({ ...params, ...moving }, phi),
    { [classifier]: params[classifier]! },
    ofLogits,
  );
  const [use] = uses;
  if (uses.length !== 1 || use!.kind !== 'dense') {
    throw new RangeError(
      `${where}: model.logits uses '${classifier}' in a way that is not known, expected one dense(features, classifier, 'out-in') of the engine before the cap`,
    );
  }
  return { h: use!.cotangent, u: u as tf.Tensor2D };
}
