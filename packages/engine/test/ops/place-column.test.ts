import { compile, placeColumn, randomNormal, rng } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

describe('placeColumn', () => {
  const [batch, heads, columns, width] = [3, 2, 5, 4];
  const at = 3;
  const place = (x: tf.Tensor, now: tf.Tensor, index: tf.Scalar): tf.Tensor =>
    placeColumn(x, now, tf.reshape(tf.equal(tf.range(0, columns, 1, 'int32'), index), [-1, 1]));

  it.each([false, true])('is a concatenation around the column (as a graph by XLA: %s)', (xla) => {
    const run = xla ? compile(place, { xla: true }) : place;
    tf.tidy(() => {
      const column = tf.reshape(tf.notEqual(tf.range(0, columns, 1, 'int32'), at), [-1, 1]);
      const noise = randomNormal(rng(1), [batch, heads, columns, width]);
      const x = tf.mul(noise, tf.cast(column, 'float32'));
      const now = randomNormal(rng(2), [batch, heads, 1, width]);
      const before = tf.slice(x, [0, 0, 0, 0], [-1, -1, at, -1]);
      const after = tf.slice(x, [0, 0, at + 1, 0], [-1, -1, -1, -1]);
      const expected = tf.concat([before, now, after], 2);
      expect(run(x, now, tf.scalar(at, 'int32')).arraySync()).toEqual(expected.arraySync());
    });
    if ('dispose' in run) run.dispose();
  });

  it('refuses shapes that do not fit', () => {
    const x = tf.zeros([batch, heads, columns, width]);
    const column = tf.zeros([columns, 1], 'bool');
    expect(() => placeColumn(x, x, column)).toThrow(
      'placeColumn: x, now and column have shapes [3, 2, 5, 4], [3, 2, 5, 4] and [5, 1], expected [B, n, S, d], [B, n, 1, d] and [S, 1]',
    );
    tf.dispose([x, column]);
  });
});
