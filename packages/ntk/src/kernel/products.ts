import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkNotEmpty } from '../check.js';
import {
  type Contexts,
  contextRows,
  resolveSequences,
  sequenceBatches,
  tokenBatch,
} from '../sequences/batches.js';
import type { Sequence, SequenceModel } from '../sequences/sequence-model.js';
import {
  type SplitModel,
  checkContexts,
  classifierOf,
  inBatches,
  logitsOf,
} from '../split-model.js';
import type { Apply } from './gradient-rows.js';
import {
  type KernelOperator,
  type ProductOptions,
  type Side,
  kernelOperatorOf,
} from './operator.js';

/**
 * The kernel applied to a vector, without forming it: one backward pass over all of `examples2` gives `J'^T v`, and one derivative along
 * that direction gives its image at `examples`.
 *
 *     kernelProduct[n, k] = sum_ml ntk[n, k, m, l] v[m, l] = (J (J'^T v))[n, k]
 *
 * Its time is that of some five forward passes over the examples, whatever the number of outputs; memory is one gradient and one batch.
 *
 * @param apply - `n` examples to `[n, O]`, row `i` of example `i` alone; differentiable twice, as the engine's operations are
 * @param params - record of float32 tensors, where to differentiate
 * @param examples - `N` inputs of `apply`
 * @param v - `[M, O]`, or `Q` of them, `[Q, M, O]`
 * @param examples2 - `M` inputs; left out, they are `examples`
 * @returns `[N, O]`, or `[Q, N, O]`; the caller owns it
 * @throws RangeError if a list is empty, `select` keeps nothing, `v` has another shape, or numbers
 *   are not finite
 * @see Novak et al. 2022, section 3.2, https://arxiv.org/abs/2206.08720
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const apply = ({ w }, xs) => tf.matMul(tf.tensor2d(xs), w); // a linear layer: <x, x'>
 * const product = await kernelProduct(apply, { w: tf.tensor2d([[1], [2]]) }, [[3, 4], [1, 0]], tf.tensor2d([[1], [10]]));
 * product.arraySync(); // => [[55], [13]]
 * ```
 */
export async function kernelProduct<X>(
  apply: Apply<X>,
  params: Params,
  examples: readonly X[],
  v: tf.Tensor,
  examples2?: readonly X[],
  options: ProductOptions = {},
): Promise<tf.Tensor> {
  const operator = ofExamples('kernelProduct', apply, params, [examples, examples2], options, true);
  try {
    return await operator.product(v);
  } finally {
    operator.dispose();
  }
}

/**
 * {@link kernelProduct} for many products, as Lanczos or conjugate gradients take: the passes are compiled, which takes as long as some
 * products and makes the following ones several times faster. So `apply` may not read values of tensors.
 *
 * @param apply - as of {@link kernelProduct}
 * @param params - record of float32 tensors, where to differentiate; they must live as long as the operator
 * @param examples - `N` inputs of `apply`
 * @param examples2 - `M` inputs; left out, they are `examples`
 * @returns the operator; `dispose()` frees what it holds
 * @throws as {@link kernelProduct}
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const apply = ({ w }, xs) => tf.matMul(tf.tensor2d(xs), w);
 * const operator = kernelOperator(apply, { w: tf.tensor2d([[1], [2]]) }, [[3, 4], [1, 0]]);
 * const columns = await operator.product(tf.tensor3d([[[1], [0]], [[0], [1]]]));
 * operator.dispose();
 * columns.arraySync(); // => [[[25], [3]], [[3], [1]]]
 * ```
 */
export function kernelOperator<X>(
  apply: Apply<X>,
  params: Params,
  examples: readonly X[],
  examples2?: readonly X[],
  options: ProductOptions = {},
): KernelOperator {
  return ofExamples('kernelOperator', apply, params, [examples, examples2], options);
}

/**
 * The kernel of a language model's logits as an operator: of a {@link SplitModel} on contexts, or of a {@link SequenceModel}, each of whose
 * positions is a context; `v` then has a row a position, sequence after sequence.
 *
 *     K = J J'^T = R + G (+ C + C'),  rows [N, V]
 *
 * @param model - tied or untied; with a cap on the logits too. Its parameters must live as long as the operator
 * @param contexts - of a split model contexts, of a sequence model {@link Sequence}s
 * @param contexts2 - left out, they are `contexts`
 * @returns the operator; `dispose()` frees what it holds
 * @throws as {@link kernelProduct}, and if the model cannot read a context
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { scale: tf.scalar(2), head: tf.tensor2d([[1], [3]]) },
 *   classifier: 'head',
 *   tied: false,
 *   features: ({ scale }, contexts) => tf.mul(tf.tensor2d(contexts), scale),
 * };
 * const operator = logitKernelOperator(model, [[1]]); // R = 4 I, G = [1, 3]^T [1, 3]
 * (await operator.product(tf.tensor2d([[1, 0]]))).arraySync(); // => [[5, 3]]
 * ```
 */
export function logitKernelOperator(
  model: SequenceModel,
  contexts: readonly Sequence[],
  contexts2?: readonly Sequence[],
  options?: ProductOptions,
): KernelOperator;
export function logitKernelOperator<X>(
  model: SplitModel<X>,
  contexts: readonly X[],
  contexts2?: readonly X[],
  options?: ProductOptions,
): KernelOperator;
export function logitKernelOperator<X>(
  model: SplitModel<X> | SequenceModel,
  contexts: readonly X[] | readonly Sequence[],
  contexts2?: readonly X[] | readonly Sequence[],
  options: ProductOptions = {},
): KernelOperator {
  const where = 'logitKernelOperator';
  classifierOf(where, model as SplitModel<X>);
  if ('logits' in model) {
    const given = [contexts, contexts2] as readonly (readonly Sequence[] | undefined)[];
    const [first, second] = given.map(
      (list, i) => list && resolveSequences(`${where}: ${NAMES[i]}`, model, list),
    );
    return kernelOperatorOf(where, model.params, [first!, second], options, (list, batchSize) =>
      sequenceSide(model, list, batchSize),
    );
  }
  const lists = [contexts, contexts2] as [readonly X[], (readonly X[])?];
  lists.forEach((list, i) => list && checkContexts(`${where}: ${NAMES[i]}`, model, list));
  const apply = (params: Params, batch: readonly X[]): tf.Tensor2D =>
    logitsOf(model.features(params, batch), params[model.classifier] as tf.Tensor2D);
  return ofExamples(where, apply, model.params, lists, options);
}

const NAMES = ['contexts', 'contexts2'];

/** The kernel of a function of examples: a batch is known by its number, so that it has a graph of its own. */
function ofExamples<X>(
  where: string,
  apply: Apply<X>,
  params: Params,
  lists: readonly [readonly X[], (readonly X[] | undefined)?],
  options: ProductOptions,
  eager = false,
): KernelOperator {
  const [examples, examples2] = lists;
  checkNotEmpty(`${where}: examples`, examples);
  if (examples2 !== undefined) checkNotEmpty(`${where}: examples2`, examples2);
  const sideOf = (list: readonly X[], batchSize: number): Side => {
    const batches = inBatches(list, batchSize);
    return {
      batches: batches.map(({ length }, input) => ({ rows: length, input })),
      outputs: (moved, input) => apply(moved, batches[input as number]!),
    };
  };
  return kernelOperatorOf(where, params, lists, options, sideOf, eager);
}

/** Sequences padded to batches, the rows of which are logits at their positions. */
function sequenceSide(model: SequenceModel, sequences: readonly Contexts[], size: number): Side {
  const batches = sequenceBatches(sequences, size).map((batch) => {
    const rows = contextRows(batch);
    return { rows: rows.length, input: { ...tokenBatch(batch), rows: tf.tensor1d(rows, 'int32') } };
  });
  return {
    batches,
    outputs: (params, input) => {
      const { rows, ...batch } = input as (typeof batches)[number]['input'];
      const phi = model.features(params, batch);
      return model.logits(params, tf.gather(tf.reshape(phi, [-1, phi.shape[2]]), rows));
    },
  };
}
