import * as tf from '@tensorflow/tfjs-core';

/**
 * Parameters of a model, of an optimiser's state, or gradients: one flat record, name to tensor,
 * with the Hugging Face names. Records are never mutated.
 */
export type Params = Readonly<Record<string, tf.Tensor>>;

/**
 * Applies a function to every tensor of a record, in the record's order.
 *
 * @returns a new record with the same names; the caller owns its tensors
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * mapParams({ w: tf.tensor1d([1, 2]) }, (t) => tf.mul(t, 2)).w.arraySync(); // => [2, 4]
 * ```
 */
export function mapParams<P extends Params>(
  params: P,
  f: (tensor: tf.Tensor, name: string) => tf.Tensor,
): { [K in keyof P]: tf.Tensor } {
  const result: Record<string, tf.Tensor> = {};
  for (const [name, tensor] of Object.entries(params)) result[name] = f(tensor, name);
  return result as { [K in keyof P]: tf.Tensor };
}

/**
 * The entries whose names satisfy a predicate. The tensors are shared, not copied.
 *
 * @returns a record with the kept entries; it borrows the tensors of `params`
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const params = { 'lm_head.weight': tf.zeros([2, 3]), 'model.norm.weight': tf.ones([3]) };
 * Object.keys(selectParams(params, (name) => name.startsWith('lm_head'))); // => ["lm_head.weight"]
 * ```
 */
export function selectParams(params: Params, predicate: (name: string) => boolean): Params {
  return Object.fromEntries(Object.entries(params).filter(([name]) => predicate(name)));
}

/**
 * One record out of several; a later record's entry replaces an earlier one of the same name, at
 * the earlier one's place.
 *
 * @returns a record that borrows the tensors
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * Object.keys(mergeParams({ a: tf.scalar(1), b: tf.scalar(2) }, { a: tf.scalar(3) })); // => ["a", "b"]
 * ```
 */
export function mergeParams(...records: readonly Params[]): Params {
  return Object.assign({}, ...records) as Params;
}

/**
 * The record with a prefix before every name.
 *
 * @returns a record that borrows the tensors
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * Object.keys(addPrefix('optimizer/', { step: tf.scalar(1) })); // => ["optimizer/step"]
 * ```
 */
export function addPrefix(prefix: string, params: Params): Params {
  return Object.fromEntries(Object.entries(params).map(([name, t]) => [prefix + name, t]));
}

/**
 * The entries whose names begin with a prefix, under the rest of their names: the inverse of {@link addPrefix}.
 *
 * @returns a record that borrows the tensors
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * Object.keys(takePrefix('m/', { step: tf.scalar(1), 'm/weight': tf.scalar(2) })); // => ["weight"]
 * ```
 */
export function takePrefix(prefix: string, params: Params): Params {
  return Object.fromEntries(
    Object.entries(params)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

/**
 * Copies every tensor of a record.
 *
 * @returns equal tensors that the caller owns, independent of the originals' lifetime
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const original = { w: tf.scalar(3) };
 * const copy = cloneParams(original);
 * disposeParams(original);
 * copy.w.arraySync(); // => 3
 * ```
 */
export function cloneParams<P extends Params>(params: P): { [K in keyof P]: tf.Tensor } {
  return mapParams(params, (tensor) => tf.clone(tensor));
}

/**
 * Frees every tensor of a record. Entries already freed are left alone.
 *
 * @param params - record of tensors that the caller owns
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const params = { w: tf.scalar(3) };
 * disposeParams(params);
 * params.w.isDisposed; // => true
 * ```
 */
export function disposeParams(params: Params): void {
  for (const tensor of Object.values(params)) if (!tensor.isDisposed) tensor.dispose();
}

/**
 * Frees the tensors of some records that others do not share.
 *
 * @param records - whose tensors the caller owns
 * @param kept - records whose tensors stay
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const before = { body: tf.scalar(1), head: tf.scalar(2) };
 * const after = { ...before, head: tf.scalar(3) };
 * disposeExcept([before], [after]);
 * [before.body.isDisposed, before.head.isDisposed]; // => [false, true]
 * ```
 */
export function disposeExcept(records: readonly Params[], kept: readonly Params[]): void {
  const stay = new Set(kept.flatMap((record) => Object.values(record)));
  for (const record of records) {
    disposeParams(selectParams(record, (name) => !stay.has(record[name]!)));
  }
}

/**
 * How many numbers a record holds.
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * countParams({ w: tf.zeros([2, 3]), b: tf.zeros([2]) }); // => 8
 * ```
 */
export function countParams(params: Params): number {
  return Object.values(params).reduce((sum, tensor) => sum + tensor.size, 0);
}
