import {
  applyUpdates,
  cloneParams,
  countParams,
  disposeParams,
  mapParams,
  mergeParams,
  selectParams,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

describe('records of parameters', () => {
  it('are mapped, selected, merged, cloned, counted and freed by name', () => {
    const params = { a: tf.tensor1d([1, 2]), b: tf.scalar(3) };
    const doubled = mapParams(params, (t, name) => tf.mul(t, name === 'a' ? 2 : 10));
    expect(doubled.a.arraySync()).toEqual([2, 4]);
    expect(doubled.b.arraySync()).toBe(30);
    expect(selectParams(params, (name) => name === 'b')).toEqual({ b: params.b });
    expect(mergeParams(params, { b: doubled.b })).toEqual({ a: params.a, b: doubled.b });
    expect(countParams(params)).toBe(3);
    const copy = cloneParams(params);
    disposeParams(params);
    disposeParams(params);
    expect(copy.a.arraySync()).toEqual([1, 2]);
    disposeParams(copy);
    disposeParams(doubled);
  });

  it('refuse an update for a parameter that is not there', () => {
    const params = { w: tf.scalar(1) };
    expect(() => applyUpdates(params, { v: params.w })).toThrow(
      "applyUpdates: updates has 'v', expected only names of params: w",
    );
    disposeParams(params);
  });
});
