import { compile } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { medianTimes } from './timing.js';

/** GFLOP/s of one large product of matrices: what no training step here can exceed. */
export function measurePeak(rounds: number): number {
  const size = 2048;
  const [a, b] = [1, 2].map((seed) =>
    tf.randomNormal<tf.Rank.R2>([size, size], 0, 1, 'float32', seed),
  ) as [tf.Tensor2D, tf.Tensor2D];
  const product = compile(() => tf.matMul(a, b));
  const [ms] = medianTimes([product], rounds);
  product.dispose();
  tf.dispose([a, b]);
  return (2 * size ** 3) / ms! / 1e6;
}
