import { type Params, compile, disposeParams, fold, rng, yieldToEventLoop } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import {
  type Contexts,
  type SequenceBatch,
  sequenceBatches,
  tokenBatch,
} from '../sequences/batches.js';
import type { SequenceModel, TokenBatch } from '../sequences/sequence-model.js';
import { type ExampleUse, exampleUses } from '../uses/example-uses.js';
import {
  type Projection,
  type SketchShape,
  drawProjections,
  sketchedGradients,
} from './projection.js';

/** Sketched gradients of every sequence along every probe; the caller owns the tensors. */
export interface GradientSketches {
  /** `[P, N, blocks, numbers]` a parameter; one block where it is whole. */
  readonly byParam: Params;
  /** `[P, P, N, D]`, `sum_t u_i[token_t] delta_t^j` of the embedding: what the cross terms need; there exactly when the model is tied. */
  readonly embedded?: tf.Tensor4D;
}

/** What {@link gradientSketches} needs to know. */
export interface SketchPlan {
  /** `[P, V]`. */
  readonly directions: tf.Tensor2D;
  /** Names of the parameters that are looked at, and that reach the features. */
  readonly names: readonly string[];
  readonly shape: SketchShape;
  readonly seed: number;
  readonly batchSize: number;
  /** Called after each of `total` graphs. */
  readonly done: (count: number, total: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Probes in one graph: they share its forward pass. */
export const PROBES_A_GRAPH = 4;

/** One backward pass a probe, for all sequences of a batch at once; a sequence's output is the mean over its positions. */
export async function gradientSketches(
  model: SequenceModel,
  sequences: readonly Contexts[],
  plan: SketchPlan,
): Promise<GradientSketches> {
  const { directions, names, shape, done, signal } = plan;
  const { classifier, tied } = model;
  const moving = Object.fromEntries(names.map((name) => [name, model.params[name]!]));
  const projections = drawProjections(moving, shape, (name) =>
    rng(fold(plan.seed, 'projection', name)),
  );
  const P = directions.shape[0];
  const perGraph = Math.ceil(P / Math.ceil(P / PROBES_A_GRAPH));
  const graphs = Math.ceil(P / perGraph);
  const time = Math.max(...sequences.map(({ tokens }) => tokens.length));
  const N = sequences.length;
  const size = Math.ceil(N / Math.ceil(N / plan.batchSize));
  // The last batch is filled up with sequences that are left out again: one graph for all.
  const filled = Array.from(
    { length: size * Math.ceil(N / size) },
    (_, i) => sequences[Math.min(i, N - 1)]!,
  );
  const batches = sequenceBatches(filled, size).map((batch) => ({ ...batch, time }));

  const sketch = compile(
    (
      params: Params,
      given: Readonly<Record<string, Projection>>,
      batch: TokenBatch,
      weights: tf.Tensor2D,
      probes: tf.Tensor2D,
      all: tf.Tensor2D,
    ) =>
      tf.unstack(probes).map((probe): Record<string, tf.Tensor> => {
        const cotangent = tf.mul(
          tf.expandDims(weights, 2),
          tf.reshape(
            tf.matMul(tf.expandDims(probe) as tf.Tensor2D, model.params[classifier] as tf.Tensor2D),
            [1, 1, -1],
          ),
        );
        const { uses } = exampleUses(
          (own) => model.features({ ...model.params, ...own }, batch),
          params,
          cotangent,
        );
        const sums: Record<string, tf.Tensor> = {};
        for (const use of uses) {
          const own = sketchedGradients(use, params[use.name]!, shape, given[use.name]);
          sums[use.name] = sums[use.name] === undefined ? own : tf.add(sums[use.name]!, own);
        }
        if (!tied || params[classifier] === undefined) return sums;
        return { ...sums, [EMBEDDED]: embeddedProbes(uses, classifier, all) };
      }),
    { name: 'sketched gradients' },
  );
  const lines: Params[][] = [];
  try {
    for (const batch of batches) {
      const { tokens, attentionMask } = tokenBatch(batch);
      const weights = positionWeights(batch);
      const line: Params[] = [];
      lines.push(line);
      try {
        for (let graph = 0; graph < graphs; graph++) {
          await yieldToEventLoop(signal);
          const probes = tf.tidy(() => {
            const own = tf.slice(
              directions,
              [graph * perGraph, 0],
              [Math.min(perGraph, P - graph * perGraph), -1],
            );
            // Zeros to make up the number: one graph for all.
            return tf.pad(own, [
              [0, perGraph - own.shape[0]],
              [0, 0],
            ]) as tf.Tensor2D;
          });
          line.push(
            ...sketch(moving, projections, { tokens, attentionMask }, weights, probes, directions),
          );
          probes.dispose();
          done(lines.length * graphs - graphs + graph + 1, batches.length * graphs);
        }
      } finally {
        tf.dispose([tokens, attentionMask, weights]);
      }
      line.splice(P).forEach(disposeParams);
    }
    const joined = Object.fromEntries(
      Object.keys(lines[0]![0]!).map((name) => {
        const parts = lines.map((line) => line.map((sketches) => sketches[name]!));
        const whole = tf.tidy(() => {
          const all = tf.concat(
            parts.map((line) => tf.stack(line)),
            1,
          );
          return filled.length === N ? all : tf.slice(all, [0, 0], [-1, N]);
        });
        // At once, since all sketches together are large.
        tf.dispose(parts);
        return [name, whole];
      }),
    );
    const { [EMBEDDED]: embedded, ...byParam } = joined;
    if (embedded === undefined) return { byParam };
    const turned = tf.transpose(embedded, [2, 0, 1, 3]) as tf.Tensor4D;
    embedded.dispose();
    return { byParam, embedded: turned };
  } finally {
    lines.flat().forEach(disposeParams);
    sketch.dispose();
    tf.dispose(projections as unknown as tf.TensorContainer);
  }
}

/** No parameter's name. */
const EMBEDDED = ' embedded';

/** `sum_t u_i[token_t] delta_t` of every probe `i`, `[B, P, D]`. */
function embeddedProbes(
  uses: readonly ExampleUse[],
  table: string,
  directions: tf.Tensor2D,
): tf.Tensor3D {
  return tf.tidy(() => {
    const parts = uses
      .filter(({ name }) => name === table)
      .map(({ input, cotangent }) => {
        const [B, R] = cotangent.shape;
        const ids = tf.reshape(tf.cast(input!, 'int32'), [-1]) as tf.Tensor1D;
        const at = tf.reshape(tf.gather(tf.transpose(directions), ids), [B, R, -1]);
        return tf.matMul(at, cotangent, true);
      });
    return tf.addN(parts) as tf.Tensor3D;
  });
}

/** `1 / positions` where a sequence is looked at, else 0: `[B, T]`. */
function positionWeights({ sequences, time }: SequenceBatch): tf.Tensor2D {
  const weights = new Float32Array(sequences.length * time);
  sequences.forEach(({ positions }, b) => {
    for (const position of positions) weights[b * time + position] = 1 / positions.length;
  });
  return tf.tensor2d(weights, [sequences.length, time]);
}
