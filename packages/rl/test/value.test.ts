import { disposeParams, valueAndGrad } from '@cfrl/engine';
import { clippedSquaredError, initValueHead, squaredError, valueHead } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

describe('initValueHead', () => {
  it('draws weights of standard deviation 1 / sqrt(D + 1) and a bias of 0', () => {
    const params = initValueHead(4000, 7);
    const weights = Array.from(params['value_head.weight']!.dataSync());
    const variance = weights.reduce((sum, w) => sum + w * w, 0) / weights.length;
    expect(variance * 4001).toBeCloseTo(1, 1);
    expect(Array.from(params['value_head.bias']!.dataSync())).toEqual([0]);
    disposeParams(params);
  });

  it('is determined by its seed', () => {
    const [a, b, c] = [initValueHead(3, 1), initValueHead(3, 1), initValueHead(3, 2)];
    const numbers = [a, b, c].map((p) => p['value_head.weight']!.dataSync().join());
    expect(numbers[0]).toBe(numbers[1]);
    expect(numbers[0]).not.toBe(numbers[2]);
    [a, b, c].forEach(disposeParams);
  });
});

describe('valueHead', () => {
  it('is one inner product and a bias at each position', () => {
    tf.tidy(() => {
      const params = {
        'value_head.weight': tf.tensor2d([[1, -2]]),
        'value_head.bias': tf.tensor1d([0.5]),
      };
      const features = tf.tensor3d([
        [
          [1, 2],
          [3, 4],
          [0, 0],
        ],
        [
          [5, 6],
          [7, 8],
          [1, 0],
        ],
      ]);
      expect(valueHead(params, features).arraySync()).toEqual([
        [-2.5, -4.5, 0.5],
        [-6.5, -8.5, 1.5],
      ]);
    });
  });

  it('says what is missing', () => {
    tf.tidy(() => {
      expect(() => valueHead({ w: tf.scalar(1) }, tf.zeros([1, 1, 1]))).toThrow(
        'valueHead: params has w, expected value_head.weight and value_head.bias',
      );
    });
  });
});

describe('squaredError', () => {
  it('has the error as its slope', () => {
    tf.tidy(() => {
      const [old, returns] = [tf.tensor1d([9, 9]), tf.tensor1d([1, 5])];
      const f = valueAndGrad(({ v }) => tf.sum(squaredError(v!, old, returns)));
      const { value, grads } = f({ v: tf.tensor1d([3, 2]) });
      expect(value.arraySync()).toBe((4 + 9) / 2);
      expect(Array.from(grads['v']!.dataSync())).toEqual([2, -3]);
    });
  });
});

describe('clippedSquaredError', () => {
  it('has no slope for a value that went too far towards its target, and keeps it the other way', () => {
    tf.tidy(() => {
      const loss = clippedSquaredError(0.5);
      const slope = (v: number, old: number, target: number): number => {
        const f = valueAndGrad((p) =>
          tf.sum(loss(p['v']!, tf.tensor1d([old]), tf.tensor1d([target]))),
        );
        return f({ v: tf.tensor1d([v]) }).grads['v']!.dataSync()[0]!;
      };
      expect(slope(1, 0, 3)).toBeCloseTo(0); // moved by 1 > 0.5 towards 3
      expect(slope(0.4, 0, 3)).toBeCloseTo(-2.6);
      expect(slope(-1, 0, 3)).toBeCloseTo(-4);
    });
  });

  it('refuses a negative range and is called after its range', () => {
    expect(() => clippedSquaredError(-1)).toThrow('clippedSquaredError: clipRangeValue is -1');
    expect(clippedSquaredError(0.5).name).toBe('clippedSquaredError(0.5)');
  });
});
