import { type Params, randomNormal, rng, showNames, vjp } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor, checkNotEmpty } from './check.js';

/**
 * A language model split into features and classifier: `logits(c) = W phi(c)`. The classifier must
 * be linear and without bias, and nothing may follow it.
 */
export interface SplitModel<X> {
  /** All parameters. */
  readonly params: Params;
  /** The name of `W`, `[V, D]`, in `params`: the head's, or the embedding's where they are tied. */
  readonly classifier: string;
  /** True if `W` reaches the features too (`W` is also the input embedding). */
  readonly tied: boolean;
  /** `phi`: `n` contexts to `[n, D]`, row `i` depending on context `i` alone. */
  readonly features: (params: Params, contexts: readonly X[]) => tf.Tensor2D;
  /** Throws, in the words `where[i] is ..., expected ...`, for the first context that `features` cannot read. */
  readonly checkContexts?: (where: string, contexts: readonly X[]) => void;
}

/** Refuses contexts that are no list, or that the model cannot read, before anything is computed. */
export function checkContexts<X>(
  where: string,
  model: SplitModel<X>,
  contexts: readonly X[],
): void {
  checkNotEmpty(where, contexts);
  model.checkContexts?.(where, contexts);
}

/** `W`, `[V, D]`; borrowed from the model. */
export function classifierOf<X>(where: string, model: SplitModel<X>): tf.Tensor2D {
  if (
    typeof model?.features !== 'function' ||
    typeof model.params !== 'object' ||
    model.params === null
  ) {
    throw new TypeError(
      `${where}: model has no features(params, contexts), expected a SplitModel; of a language model splitModel(model) makes one`,
    );
  }
  const W = model.params[model.classifier];
  if (W === undefined) {
    throw new RangeError(
      `${where}: model.classifier is '${model.classifier}', expected one of ` +
        showNames(Object.keys(model.params)),
    );
  }
  if (W.rank !== 2) {
    throw new RangeError(
      `${where}: classifier '${model.classifier}' has shape [${W.shape.join(', ')}], expected [V, D]`,
    );
  }
  return W as tf.Tensor2D;
}

/** Which of the selected parameters reach the logits through the features: all but `W`, and `W` too when tied. */
export const reachesFeatures =
  <X>(model: SplitModel<X>, select: (name: string) => boolean = () => true) =>
  (name: string): boolean =>
    select(name) && (model.tied || name !== model.classifier);

/** `phi` of all contexts, `[n, D]`, checked; `batchSize` contexts a forward pass. */
export function checkedFeatures<X>(
  where: string,
  model: SplitModel<X>,
  contexts: readonly X[],
  batchSize: number,
): tf.Tensor2D {
  const [, D] = classifierOf(where, model).shape;
  checkContexts(where, model, contexts);
  return tf.tidy(() => {
    const parts = inBatches(contexts, batchSize).map((batch) => {
      const features = model.features(model.params, batch);
      if (!tf.util.arraysEqual(features.shape, [batch.length, D])) {
        throw new RangeError(
          `${where}: model.features of ${batch.length} contexts has shape ` +
            `[${features.shape.join(', ')}], expected [${batch.length}, ${D}] (contexts, and the ` +
            `width of classifier '${model.classifier}')`,
        );
      }
      return features;
    });
    return checkFiniteTensor(`${where}: model.features`, tf.concat(parts, 0));
  });
}

/** {@link checkedFeatures} of a model that is refused unless {@link checkUntied} lets it pass. */
export function untiedFeatures<X>(
  where: string,
  what: string,
  model: SplitModel<X>,
  contexts: readonly X[],
  batchSize: number,
): tf.Tensor2D {
  const phi = checkedFeatures(`${where}: ${what}`, model, contexts, batchSize);
  checkUntied(where, model, contexts, batchSize);
  return phi;
}

/**
 * Refuses a model that says it is not tied while its features depend on the classifier: the cross
 * terms would be dropped in silence. One backward pass a batch, with a random cotangent.
 */
export function checkUntied<X>(
  where: string,
  model: SplitModel<X>,
  contexts: readonly X[],
  batchSize: number,
): void {
  if (model.tied) return;
  const W = classifierOf(where, model);
  const [, D] = W.shape;
  const source = rng(0);
  for (const batch of inBatches(contexts, batchSize)) {
    const most = tf.tidy(() => {
      const { grads } = vjp(
        (moving) => model.features({ ...model.params, ...moving }, batch),
        { [model.classifier]: W },
        randomNormal(source, [batch.length, D]),
      );
      return tf.max(tf.abs(grads[model.classifier]!)).dataSync()[0]!;
    });
    if (most !== 0) {
      throw new RangeError(
        `${where}: model.tied is false, but the features depend on '${model.classifier}'; set ` +
          'tied to true, or untie the model',
      );
    }
  }
}

/** A list cut into runs of `size`. */
export const inBatches = <X>(items: readonly X[], size: number): X[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );

/** `logits = phi W^T`, `[n, V]`. */
export const logitsOf = (features: tf.Tensor2D, W: tf.Tensor2D): tf.Tensor2D =>
  tf.tidy(() => tf.matMul(features, tf.transpose(W)));
