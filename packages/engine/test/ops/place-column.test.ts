import { type Compiled, compile, placeColumn, randomNormal, rng } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

describe('placeColumn', () => {
  const [batch, heads, columns, width] = [3, 2, 5, 4];
  const at = 3;

  it.each(['eager', 'graph', 'xla'])('is a concatenation around the column, %s', (mode) => {
    const run = mode === 'eager' ? placeColumn : compile(placeColumn, { xla: mode === 'xla' });
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
    if (run !== placeColumn) (run as Compiled<typeof placeColumn>).dispose();
  });

  it('refuses shapes that do not fit', () => {
    const x = tf.zeros([batch, heads, columns, width]);
    const at = tf.scalar(0, 'int32');
    expect(() => placeColumn(x, x, at)).toThrow(
      'placeColumn: now has shape [3, 2, 5, 4] and x [3, 2, 5, 4], expected [B, n, 1, d] and [B, n, S, d]',
    );
    tf.dispose([x, at]);
  });
});
