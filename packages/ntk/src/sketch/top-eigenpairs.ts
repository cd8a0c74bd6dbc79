import {
  checkPositiveInteger,
  checkSeed,
  between,
  option,
  randomNormal,
  resolveOptions,
  rng,
  showValue,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import { EigenvalueDecomposition } from 'ml-matrix';

import { checkCallback, ending } from '../options.js';
import { checkFiniteTensor } from '../check.js';

/** A symmetric kernel that is multiplied with and never formed, as `kernelOperator` makes it of one list of examples. */
export interface SymmetricOperator {
  /** `N`. */
  readonly rows: number;
  /** `K v`, `[N, O]` to `[N, O]`; `v` is borrowed, the result is the caller's. */
  readonly product: (v: tf.Tensor, signal?: AbortSignal) => Promise<tf.Tensor> | tf.Tensor;
}

/** Options of {@link topEigenpairs}. */
export interface EigenOptions {
  /** How many eigenpairs. @defaultValue 1 */
  readonly count?: number;
  /** Products with the kernel at most. @defaultValue 50 */
  readonly iterations?: number;
  /** Residual, as a share of the largest eigenvalue, at which an eigenpair is good enough. @defaultValue 1e-4 */
  readonly tolerance?: number;
  /** Of the first vector. @defaultValue 0 */
  readonly seed?: number;
  /** Stops the work; the promise is then rejected with its reason. */
  readonly signal?: AbortSignal;
  /** Called after each product. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** What {@link topEigenpairs} finds. */
export interface Eigenpairs {
  /** Eigenvalues, descending; fewer than asked for where the kernel has no more that the first vector reaches. */
  readonly values: readonly number[];
  /** `[count, N, O]`, of norm 1; the caller owns it. */
  readonly vectors: tf.Tensor3D;
  /** `|K v - lambda v|` of each: an eigenvalue lies that near. */
  readonly residuals: readonly number[];
  /** Whether all are within the tolerance. */
  readonly converged: boolean;
}

const WHERE = 'topEigenpairs';

const table = {
  count: option(1, checkPositiveInteger),
  iterations: option(50, checkPositiveInteger),
  tolerance: option(1e-4, between(1e-7, 1)),
  seed: option(0, checkSeed),
  onProgress: option<EigenOptions['onProgress']>(undefined, checkCallback),
  ...ending,
};

/**
 * The largest eigenvalues and eigenvectors of a kernel, by Lanczos iteration from products alone.
 *
 *     K Q = Q T + beta q e^T,   T tridiagonal, Q orthonormal;   T s = lambda s gives the pair (lambda, Q s), with |K v - lambda v| = beta |s_last|
 *
 * Vectors are made orthogonal to all earlier ones, twice, which keeps copies of eigenvalues away; of equal eigenvalues one is found. Memory:
 * `iterations N O` numbers.
 *
 * @param operator - the kernel of examples with themselves: `kernelOperator(apply, params, examples)`
 * @param outputs - `O`, columns of what it is multiplied with
 * @returns the pairs; those that have not converged are there, with their residuals
 * @throws RangeError if an option is outside its range, the product has another shape or is not finite, or it is zero
 * @see Golub and Van Loan 2013, section 10.1
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const K = tf.tensor2d([[2, 1, 0], [1, 2, 0], [0, 0, 1]]);
 * const operator = { rows: 3, product: (v) => tf.matMul(K, v) };
 * const { values, converged } = await topEigenpairs(operator, 1);
 * [values, converged]; // => [[3], true]
 * ```
 */
export async function topEigenpairs(
  operator: SymmetricOperator,
  outputs: number,
  options: EigenOptions = {},
): Promise<Eigenpairs> {
  const { count, iterations, tolerance, seed, signal, onProgress } = resolveOptions(
    WHERE,
    options,
    table,
  );
  if (typeof operator?.product !== 'function') {
    throw new TypeError(
      `${WHERE}: operator is ${showValue(operator)}, expected { rows, product }, as kernelOperator makes it`,
    );
  }
  const N = checkPositiveInteger(`${WHERE}: operator.rows`, operator.rows);
  const O = checkPositiveInteger(`${WHERE}: outputs`, outputs);
  const total = Math.min(iterations, N * O);
  const basis: tf.Tensor1D[] = [];
  const diagonal: number[] = [];
  const beside: number[] = [];
  let next: tf.Tensor1D | undefined = tf.tidy(() => {
    const start = tf.reshape(randomNormal(rng(seed), [N, O]), [-1]);
    return tf.div(start, tf.norm(start)) as tf.Tensor1D;
  });
  try {
    while (next !== undefined && basis.length < total) {
      await yieldToEventLoop(signal);
      const q: tf.Tensor1D = next;
      basis.push(q);
      next = undefined;
      const shaped = tf.reshape(q, [N, O]);
      const product = await operator.product(shaped, signal);
      shaped.dispose();
      try {
        if (!tf.util.arraysEqual(product.shape, [N, O])) {
          throw new RangeError(
            `${WHERE}: operator.product has shape [${product.shape.join(', ')}], expected [${N}, ${O}] as what it was given`,
          );
        }
        checkFiniteTensor(`${WHERE}: operator.product`, product);
        const { along, rest, size } = orthogonalised(product, basis);
        diagonal.push(along);
        beside.push(size);
        next = rest;
      } finally {
        product.dispose();
      }
      onProgress?.({ done: basis.length, total });
      if (found({ diagonal, beside }, count, tolerance).converged) break;
    }
    const { pairs, converged } = found({ diagonal, beside }, count, tolerance);
    const vectors = tf.tidy(() => {
      const rows = tf.stack(basis);
      const weights = tf.tensor2d(pairs.map(({ vector }) => [...vector]));
      const combined = tf.matMul(weights, rows as tf.Tensor2D);
      return tf.reshape(tf.div(combined, tf.norm(combined, 2, 1, true)), [-1, N, O]) as tf.Tensor3D;
    });
    return {
      values: pairs.map(({ value }) => value),
      vectors,
      residuals: pairs.map(({ residual }) => residual),
      converged,
    };
  } finally {
    tf.dispose([...basis, ...(next ? [next] : [])]);
  }
}

/** Share of a product that is rounding: what is left of it then has no direction. */
const ROUNDING = 1e-6;

/** What of a product lies along the last vector, and the rest, of norm 1, if there is one. */
function orthogonalised(
  product: tf.Tensor,
  basis: readonly tf.Tensor1D[],
): { readonly along: number; readonly size: number; readonly rest: tf.Tensor1D | undefined } {
  const kept: { along: number; size: number; rest?: tf.Tensor1D } = { along: 0, size: 0 };
  const rest = tf.tidy(() => {
    const rows = tf.stack([...basis]) as tf.Tensor2D;
    const flat = tf.reshape(product, [-1, 1]) as tf.Tensor2D;
    const less = (x: tf.Tensor2D): readonly [tf.Tensor2D, tf.Tensor2D] => {
      const inner = tf.matMul(rows, x);
      return [inner as tf.Tensor2D, tf.sub(x, tf.matMul(rows, inner, true)) as tf.Tensor2D];
    };
    const [inner, once] = less(flat);
    const [, twice] = less(once);
    kept.along = inner.dataSync().at(-1)!;
    kept.size = tf.norm(twice).dataSync()[0]!;
    const size = tf.norm(flat).dataSync()[0]!;
    if (kept.size <= ROUNDING * size) kept.size = 0;
    return tf.div(tf.reshape(twice, [-1]), kept.size || 1) as tf.Tensor1D;
  });
  if (kept.size > 0) return { ...kept, rest };
  rest.dispose();
  return { ...kept, rest: undefined };
}

/** Eigenpairs of the tridiagonal matrix. */
function found(
  {
    diagonal,
    beside,
  }: { readonly diagonal: readonly number[]; readonly beside: readonly number[] },
  count: number,
  tolerance: number,
) {
  const n = diagonal.length;
  const T = diagonal.map((value, i) =>
    diagonal.map((_, j) => {
      if (i === j) return value;
      return Math.abs(i - j) === 1 ? beside[Math.min(i, j)]! : 0;
    }),
  );
  const { realEigenvalues: values, eigenvectorMatrix } = new EigenvalueDecomposition(T, {
    assumeSymmetric: true,
  });
  const order = values.map((_, k) => k).sort((a, b) => values[b]! - values[a]!);
  const pairs = order.slice(0, count).map((k) => {
    const vector = eigenvectorMatrix.getColumn(k);
    return { value: values[k]!, vector, residual: beside[n - 1]! * Math.abs(vector[n - 1]!) };
  });
  const ended = beside[n - 1] === 0;
  const good = pairs.every(({ residual }) => residual <= tolerance * Math.abs(pairs[0]!.value));
  return { pairs, converged: ended || (good && pairs.length === count) };
}
