import { type Params, checkFunction, checkSameShape, showNames, showValue } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/** Refuses a list without entries. */
export function checkNotEmpty(where: string, items: readonly unknown[]): void {
  if (!Array.isArray(items)) throw new TypeError(`${where} is ${typeof items}, expected an array`);
  if (items.length === 0) throw new RangeError(`${where} is empty, expected at least one entry`);
}

/** Reads one number back from the device. */
const isFiniteTensor = (tensor: tf.Tensor): boolean =>
  tf.tidy(() => tf.all(tf.isFinite(tensor)).dataSync()[0]) === 1;

/** Refuses tensors with NaN or an infinity. */
export function checkFiniteTensor<T extends tf.Tensor>(where: string, tensor: T): T {
  if (!isFiniteTensor(tensor)) {
    throw new RangeError(`${where} has NaN or infinite entries, expected finite numbers`);
  }
  return tensor;
}

/** Refuses a result: what came in was too large, or the model is broken. */
export function refuseResult(where: string, name: string): never {
  throw new RangeError(
    `${where}: ${name} comes out as NaN or infinite, expected finite numbers; ` +
      'look for huge parameters, inputs, weights or learning rates',
  );
}

/** Refuses results of which a tensor has NaN or an infinity. */
export function checkFiniteResults<R extends object>(where: string, results: R): R {
  for (const [name, value] of Object.entries(results)) {
    if (value instanceof tf.Tensor && !isFiniteTensor(value)) refuseResult(where, name);
  }
  return results;
}

/** Refuses a selection that keeps no parameter; returns how many numbers it keeps. */
export function checkSelection(
  where: string,
  params: Params,
  select: (name: string) => boolean,
): number {
  checkFunction(`${where}: select`, select, 'write (name) => [...].includes(name)');
  const kept = Object.entries(params).filter(([name]) => select(name));
  if (kept.length === 0) {
    throw new RangeError(
      `${where}: select keeps none of ${showNames(Object.keys(params))}, expected at least one`,
    );
  }
  return kept.reduce((sum, [, tensor]) => sum + tensor.size, 0);
}

/** Refuses a change of parameters, or parameters after one, that do not fit them. */
export function checkDelta(where: string, params: Params, delta: Params, called = 'delta'): void {
  if (
    typeof delta !== 'object' ||
    delta === null ||
    Array.isArray(delta) ||
    delta instanceof tf.Tensor
  ) {
    const is = delta instanceof tf.Tensor ? 'a tensor' : showValue(delta);
    throw new TypeError(`${where}: ${called} is ${is}, expected a record of tensors`);
  }
  const entries = Object.entries(delta);
  if (entries.length === 0) throw new RangeError(`${where}: ${called} is empty, expected an entry`);
  for (const [name, change] of entries) {
    const parameter = params[name];
    if (parameter === undefined) {
      throw new RangeError(
        `${where}: ${called} has '${name}', expected only ${showNames(Object.keys(params))}; ` +
          'of a model with adapters these are the merged weights: splitModel(model) of the model after the step has them',
      );
    }
    checkSameShape(`${where}: ${called} '${name}'`, change, parameter, 'its parameter');
    if (change.isDisposed) {
      throw new RangeError(
        `${where}: ${called} '${name}' is a tensor that has been disposed, expected one that is alive; a training loop lends its state ` +
          'until the next step, so explain a step before that, or copy it',
      );
    }
    checkFiniteTensor(`${where}: ${called} '${name}'`, change);
  }
}
