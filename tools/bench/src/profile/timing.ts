import * as tf from '@tensorflow/tfjs-core';

import { median } from '../statistics.js';

/**
 * The median milliseconds of each of several functions, which take turns: what disturbs the machine meets all.
 *
 * @param functions - give tensors, which are freed; called once before the clock runs
 */
export function medianTimes(functions: readonly (() => unknown)[], rounds: number): number[] {
  const samples: number[][] = functions.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    functions.forEach((f, i) => {
      const start = performance.now();
      const result = f();
      if (round > 0) samples[i]!.push(performance.now() - start);
      tf.dispose(result as tf.TensorContainer);
    });
  }
  return samples.map(median);
}
