import { disposeParams, type Params, valueAndGrad, vjp } from '@cfrl/engine';
import { expectClose, numericalGradient } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

const params = (): Params => ({
  w: tf.tensor2d([0.3, -0.7, 1.1, 0.4, -0.2, 0.9], [2, 3]),
  b: tf.tensor1d([0.1, -0.3, 0.2]),
  unused: tf.tensor1d([5, 6]),
});
const loss = ({ w, b }: Params): tf.Tensor =>
  tf.tidy(() => {
    const hidden = tf.tanh(tf.add(tf.matMul(tf.tensor2d([[1, -2]]), w as tf.Tensor2D), b!));
    return tf.sum(tf.square(hidden));
  });

describe('valueAndGrad', () => {
  it('equals central differences, is zero for unused parameters and leaks nothing', () => {
    const p = params();
    const before = tf.memory().numTensors;
    const { value, grads } = valueAndGrad(loss)(p);
    expect(tf.memory().numTensors).toBe(before + 4);
    const expected = numericalGradient(loss, p);
    for (const name of ['w', 'b']) {
      expectClose(grads[name]!.dataSync(), expected[name], { atol: 2e-3, rtol: 1e-2 });
    }
    expect(grads['unused']!.arraySync()).toEqual([0, 0]);
    expectClose(
      value.arraySync(),
      tf.tidy(() => loss(p).arraySync()),
    );
    disposeParams(grads);
    value.dispose();
    disposeParams(p);
  });

  it('refuses a loss that is no scalar, and leaves nothing behind', () => {
    const p = params();
    expect(() => valueAndGrad(({ b }) => tf.square(b!))(p)).toThrow(
      'valueAndGrad: loss has shape [3], expected a scalar; reduce it with tf.sum or tf.mean',
    );
    disposeParams(p);
  });

  it('works when the loss uses no parameter at all', () => {
    const p = params();
    const { value, grads } = valueAndGrad(() => tf.scalar(3))(p);
    expect(value.arraySync()).toBe(3);
    expect(grads['b']!.arraySync()).toEqual([0, 0, 0]);
    disposeParams({ ...grads, value });
    disposeParams(p);
  });
});

describe('vjp', () => {
  it('contracts the Jacobian with the cotangent: the sum over outputs of u_o times row o', () => {
    tf.tidy(() => {
      const p = params();
      const f = ({ w, b }: Params): tf.Tensor =>
        tf.add(tf.matMul(tf.tensor2d([[1, -2]]), w as tf.Tensor2D), tf.square(b!));
      const { grads } = vjp(f, p, tf.tensor2d([[1, 10, 100]]));
      expectClose(grads['w']!.arraySync(), [
        [1, 10, 100],
        [-2, -20, -200],
      ]);
      expectClose(grads['b']!.arraySync(), [0.2, -6, 40]);
    });
  });

  it('refuses a cotangent of another shape', () => {
    const p = params();
    const u = tf.tensor1d([1, 2]);
    expect(() => vjp(({ b }) => tf.square(b!), p, u)).toThrow(
      "vjp: cotangent has shape [2], expected the value's shape [3]",
    );
    disposeParams({ ...p, u });
  });
});
