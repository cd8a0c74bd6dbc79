import { valueAndGrad } from '@cfrl/engine';
import { clippedSurrogate, policyGradient, ratioMetrics, sequenceLogRatio } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const clip = { clipRange: 0.2, clipRangeHigh: 0.5 };

/** Loss and its derivative with respect to the log-ratio, of one token. */
function at(ratio: number, advantage: number): { loss: number; slope: number } {
  return tf.tidy(() => {
    const f = valueAndGrad(({ x }) => tf.sum(clippedSurrogate(x!, tf.tensor1d([advantage]), clip)));
    const { value, grads } = f({ x: tf.tensor1d([Math.log(ratio)]) });
    return { loss: value.arraySync(), slope: grads['x']!.dataSync()[0]! };
  });
}

describe('policyGradient', () => {
  it('has minus the advantage as its slope in the log-probability', () => {
    tf.tidy(() => {
      const advantages = tf.tensor1d([2, -3, 0]);
      const { grads } = valueAndGrad(({ x }) => tf.sum(policyGradient(x!, advantages)))({
        x: tf.tensor1d([-1, -2, -3]),
      });
      expect(Array.from(grads['x']!.dataSync())).toEqual([-2, 3, -0]);
    });
  });
});

describe('clippedSurrogate', () => {
  it('is, at ratio 1, minus the advantage with the slope of the policy gradient', () => {
    for (const advantage of [2, -3, 0]) {
      expect(at(1, advantage).loss).toBeCloseTo(-advantage);
      expect(at(1, advantage).slope).toBeCloseTo(-advantage);
    }
  });

  it('has no slope where the ratio left the range in the direction of the advantage', () => {
    expect(at(1.6, 2)).toEqual({ loss: expect.closeTo(-1.5 * 2, 5), slope: 0 });
    expect(at(0.7, -2)).toEqual({ loss: expect.closeTo(0.8 * 2, 5), slope: 0 });
  });

  it('keeps its slope where the ratio left the range against the advantage', () => {
    expect(at(1.6, -2).slope).toBeCloseTo(1.6 * 2, 4);
    expect(at(0.7, 2).slope).toBeCloseTo(-0.7 * 2, 4);
  });

  it('keeps its slope inside, between the low and the high cut', () => {
    expect(at(1.4, 2).slope).toBeCloseTo(-1.4 * 2, 4);
    expect(at(0.85, -2).slope).toBeCloseTo(0.85 * 2, 4);
  });

  it('equals the definition token by token', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 5, noNaN: true }),
        fc.double({ min: -4, max: 4, noNaN: true }),
        (ratio, a) => {
          const cut = Math.min(Math.max(ratio, 0.8), 1.5);
          expect(at(ratio, a).loss).toBeCloseTo(-Math.min(ratio * a, cut * a), 4);
        },
      ),
    );
  });

  it('uses 0.2 on both sides unless told otherwise', () => {
    tf.tidy(() => {
      const logRatio = tf.log(tf.tensor1d([2, 0.1]));
      const losses = clippedSurrogate(logRatio, tf.tensor1d([1, -1]));
      expect(Array.from(losses.dataSync())).toEqual([expect.closeTo(-1.2), expect.closeTo(0.8)]);
      const one = clippedSurrogate(logRatio, tf.tensor1d([1, -1]), { clipRange: 0.1 });
      expect(Array.from(one.dataSync())).toEqual([expect.closeTo(-1.1), expect.closeTo(0.9)]);
    });
  });

  it('refuses ranges that make no sense', () => {
    tf.tidy(() => {
      const x = tf.zeros([1]);
      expect(() => clippedSurrogate(x, x, { clipRange: -0.1 })).toThrow(
        'clippedSurrogate: clipRange is -0.1, expected a number in [0, 1]',
      );
      expect(() => clippedSurrogate(x, x, { clipRangeHigh: NaN })).toThrow(RangeError);
      expect(() => clippedSurrogate(x, x, { epsilon: 0.1 } as object)).toThrow('has "epsilon"');
    });
  });
});

describe('sequenceLogRatio', () => {
  it('has the log of the product of the ratios at every token', () => {
    tf.tidy(() => {
      const logRatio = tf.tensor2d([
        [0.1, 0.2, NaN],
        [Infinity, 0.5, 1],
      ]);
      const mask = tf.tensor2d([
        [1, 1, 0],
        [0, 1, 1],
      ]);
      const rows = sequenceLogRatio(logRatio, mask).arraySync() as number[][];
      expect(rows[0]).toEqual([0.3, 0.3, 0.3].map((x) => expect.closeTo(x)));
      expect(rows[1]).toEqual([1.5, 1.5, 1.5].map((x) => expect.closeTo(x)));
    });
  });
});

describe('ratioMetrics', () => {
  const metrics = (ratios: number[][], advantages: number[][], mask: number[][]) =>
    tf.tidy(() => {
      const result = ratioMetrics(
        tf.log(tf.tensor2d(ratios)),
        tf.tensor2d(advantages),
        tf.tensor2d(mask),
        clip,
      );
      return Object.fromEntries(Object.entries(result).map(([name, t]) => [name, t.arraySync()]));
    });

  it('counts the tokens that the clip took out, not those outside of the range', () => {
    const result = metrics([[2, 2, 0.5, 0.5, 1]], [[1, -1, -1, 1, 1]], [[1, 1, 1, 1, 1]]);
    expect(result['clipFraction']).toBeCloseTo(2 / 5);
  });

  it('describes the ratios of completion tokens alone', () => {
    const result = metrics([[2, 0.6, 99]], [[1, 1, 1]], [[1, 1, 0]]);
    expect(result['ratioMean']).toBeCloseTo(1.3);
    expect(result['ratioMax']).toBeCloseTo(2);
    expect(result['clipFraction']).toBeCloseTo(0.5);
    expect(result['klOld']).toBeCloseTo((2 - 1 - Math.log(2) + 0.6 - 1 - Math.log(0.6)) / 2);
  });
});
