import { compile, repeat } from '@cfrl/engine';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

/** A recurrence with a captured matrix, a state of two types, the round's number and a constant in the body. */
const recurrence = (x: tf.Tensor, w: tf.Tensor, count: tf.Scalar) => {
  const doubled = tf.mul(w, 2);
  return repeat(
    count,
    { x, steps: tf.scalar(0, 'int32'), seen: tf.zeros([8]) },
    (round, { x: now, steps, seen }) => ({
      x: tf.tanh(
        tf.add(tf.matMul(now as tf.Tensor2D, doubled as tf.Tensor2D), tf.cast(round, 'float32')),
      ),
      steps: tf.add(steps, tf.scalar(2, 'int32')),
      seen: tf.add(
        seen,
        tf.mul(tf.sum(now), tf.cast(tf.equal(tf.range(0, 8, 1, 'int32'), round), 'float32')),
      ),
    }),
  );
};

describe.each([{}, { xla: true }])('repeat in a compiled function, %j', (options) => {
  it('does what the loop of JavaScript does, for any number of rounds with one graph', () => {
    let graphs = 0;
    const f = compile(recurrence, { ...options, onCompile: () => (graphs += 1) });
    tf.tidy(() => {
      const [x, w] = [
        tf.tensor2d([[0.1, -0.2]]),
        tf.tensor2d([
          [0.3, 0.1],
          [-0.4, 0.2],
        ]),
      ];
      for (const rounds of [3, 0, 1, 8]) {
        const count = tf.scalar(rounds, 'int32');
        const [expected, actual] = [recurrence(x, w, count), f(x, w, count)];
        expectClose(actual.x.arraySync(), expected.x.arraySync());
        expectClose(actual.seen.arraySync(), expected.seen.arraySync());
        expect(actual.steps.arraySync()).toBe(2 * rounds);
      }
    });
    expect(graphs).toBe(tf.getBackend() === 'tensorflow' ? 1 : 0);
    f.dispose();
  });

  it('nests, and serves twice in one function', () => {
    const f = compile((x: tf.Tensor, n: tf.Scalar) => {
      const grow = (start: tf.Tensor): tf.Tensor =>
        repeat(
          n,
          start,
          (_, y) => repeat(n, y as tf.Tensor, (__, z) => tf.add(z as tf.Tensor, x)) as tf.Tensor,
        ) as tf.Tensor;
      return [grow(x), grow(tf.mul(x, 10))];
    }, options);
    tf.tidy(() => {
      const results = f(tf.scalar(1), tf.scalar(3, 'int32'));
      expect(results.map((each) => each.arraySync())).toEqual([10, 19]);
    });
    f.dispose();
  });
});

describe('repeat', () => {
  it('has a gradient where it is a loop of JavaScript, and refuses one in a graph', () => {
    const cube = (x: tf.Tensor): tf.Tensor =>
      repeat(tf.scalar(2, 'int32'), x, (_, y) => tf.mul(y as tf.Tensor, x)) as tf.Tensor;
    const f = compile((x: tf.Tensor) => tf.grad((y) => cube(y))(x));
    tf.tidy(() => {
      expectClose(
        tf
          .grad((y) => cube(y))(tf.scalar(2))
          .arraySync(),
        12,
      );
      if (tf.getBackend() === 'tensorflow') {
        expect(() => f(tf.scalar(2))).toThrow('repeat: a gradient is taken through a loop');
      }
    });
    f.dispose();
  });

  it('refuses a count that is no int32 scalar, and a state that changes', () => {
    tf.tidy(() => {
      expect(() => repeat(tf.scalar(3), tf.scalar(1), (_, x) => x)).toThrow(
        'repeat: count is a float32 tensor of shape [], expected an int32 scalar',
      );
      const grow = (x: tf.Tensor) =>
        repeat(tf.scalar(2, 'int32'), x, (_, y) => tf.stack([y as tf.Tensor, y as tf.Tensor]));
      const message = 'repeat: the state after a round is float32[2], expected float32[] as before';
      expect(() => grow(tf.scalar(1))).toThrow(message);
      const f = compile(grow);
      expect(() => f(tf.scalar(1))).toThrow(message);
      f.dispose();
    });
  });
});
