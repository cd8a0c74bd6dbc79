/** Measures where the time goes, with the number of threads of this process, and prints the result as JSON. */
import { compile, useBackend } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Size } from '../ours/model.js';
import { type HalfPoint, measureHalf } from './half.js';
import { type Parts, measureParts } from './parts.js';
import { type Point, measureScaling } from './scaling.js';
import { medianTimes } from './timing.js';

/** What one number of threads gives. */
export interface Measured {
  readonly threads: number;
  readonly version: string;
  /** Of one large product of matrices: what no training step here can exceed. */
  readonly peakGflops: number;
  readonly half: readonly HalfPoint[];
  readonly points: readonly Point[];
  readonly parts: readonly Parts[];
}

function measurePeak(rounds: number): number {
  const size = 2048;
  const a = tf.randomNormal<tf.Rank.R2>([size, size], 0, 1, 'float32', 1);
  const product = compile(() => tf.matMul(a, a));
  const [ms] = medianTimes([product], rounds);
  return (2 * size ** 3) / ms! / 1e6;
}

const { threads, version } = await useBackend('tensorflow', { install: false });
const models = JSON.parse(process.argv[2]!) as Size[];
const say = (text: string): boolean => process.stderr.write(text);
const parts = models.map((size) => {
  say(`${threads} threads: parts of a training step, ${size}\n`);
  return measureParts(size, size === 'M' ? 7 : 25);
});
say(`${threads} threads: sizes\n`);
const peakGflops = measurePeak(15);
const half = measureHalf(25);
const points = measureScaling(9, () => say('.'));
say('\n');
const measured: Measured = { threads, version, peakGflops, half, points, parts };
process.stdout.write(`${JSON.stringify(measured)}\n`);
