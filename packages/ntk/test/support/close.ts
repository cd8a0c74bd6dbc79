import type * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/**
 * Two arrays of numbers agree within float32 rounding: the largest difference, against the largest
 * number that entered the computation (`scale`; the larger array's maximum where not given).
 */
export function expectClose(
  actual: tf.Tensor | ArrayLike<number>,
  expected: tf.Tensor | ArrayLike<number>,
  { relative = 2e-5, scale = 0 }: { readonly relative?: number; readonly scale?: number } = {},
): void {
  if (isTensor(actual) && isTensor(expected)) expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [numbers(actual), numbers(expected)];
  expect(a.length).toBe(b.length);
  const bound = relative * Math.max(scale, largest(a), largest(b), 1e-6);
  for (let i = 0; i < a.length; i++) {
    if (!(Math.abs(a[i]! - b[i]!) <= bound)) {
      expect.fail(`entry ${i} is ${a[i]}, expected ${b[i]} within ${bound}`);
    }
  }
}

/** The largest absolute value, 0 of nothing. */
export const largest = (values: tf.Tensor | ArrayLike<number>): number =>
  numbers(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The entries as plain numbers, in row-major order. */
export const numbers = (values: tf.Tensor | ArrayLike<number>): number[] =>
  Array.from(isTensor(values) ? values.dataSync() : values);

const isTensor = (value: tf.Tensor | ArrayLike<number>): value is tf.Tensor => 'dataSync' in value;
