import { useBackend } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';

import { withState } from '../src/ours/with-state.js';

beforeAll(() => useBackend('cpu'));

it('carries the state from call to call, and frees what it made', () => {
  const initial = { total: tf.scalar(1), deep: { same: tf.scalar(5) } };
  const before = tf.memory().numTensors;
  const add = withState(initial, ({ total, deep }, { x }: { x: tf.Scalar }) => {
    const next = tf.add<tf.Scalar>(total, tf.mul(x, 1));
    return { state: { total: next, deep }, output: { double: tf.mul(next, 2) } };
  });
  const x = tf.scalar(10);
  const outputs = [add({ x }), add({ x })];
  expect(outputs.map(({ double }) => double.dataSync()[0])).toEqual([22, 42]);
  expect(add.state().total.dataSync()[0]).toBe(21);
  add.dispose();
  tf.dispose([x, ...outputs.map(({ double }) => double)]);
  expect(tf.memory().numTensors).toBe(before);
  expect(initial.total.isDisposed || initial.deep.same.isDisposed).toBe(false);
  tf.dispose(initial);
});
