/** Measures where the time goes, with the number of threads of this process, and prints the result as JSON. */
import { compile, useBackend } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type Size, freshModel } from '../ours/model.js';
import { trainer } from '../ours/training-step.js';
import { measureParts, medianTimes } from './parts.js';

const base = { batch: 64, time: 32, width: 128 };
const variations = {
  batch: [4, 16, 64, 256],
  time: [16, 32, 64, 128],
  width: [32, 64, 128, 256],
};

/** Training tokens a second of four layers, the sizes but one as in the model S. */
function measureScaling(varied: keyof typeof base, value: number) {
  const { batch, time, width }: typeof base = { ...base, [varied]: value };
  const model = freshModel({ layers: 4, heads: 4, hiddenSize: width }, time);
  const { step, release } = trainer(model, false);
  const tokens = tf.zeros<tf.Rank.R2>([batch, time], 'int32');
  const [ms] = medianTimes([() => step({ inputs: tokens, targets: tokens })], 9);
  release();
  tokens.dispose();
  process.stderr.write('.');
  return { varied, value, tokensPerSecond: (batch * time * 1000) / ms! };
}

/** GFLOP/s of one large product of matrices: what no training step here can exceed. */
function measurePeak(): number {
  const size = 2048;
  const a = tf.randomNormal<tf.Rank.R2>([size, size], 0, 1, 'float32', 1);
  const [ms] = medianTimes([compile(() => tf.matMul(a, a))], 15);
  return (2 * size ** 3) / ms! / 1e6;
}

/** @param models - those whose parts are measured */
function measure(models: readonly Size[]) {
  const parts = models.map((size) => measureParts(size, size === 'M' ? 7 : 25));
  const points = (Object.keys(variations) as (keyof typeof base)[]).flatMap((varied) =>
    variations[varied].map((value) => measureScaling(varied, value)),
  );
  return { peakGflops: measurePeak(), points, parts };
}

/** What one number of threads gives. */
export type Measured = ReturnType<typeof measure> & { threads: number; version: string };

const { threads, version } = await useBackend('tensorflow', { install: false });
process.stderr.write(`${threads} threads\n`);
const measured: Measured = {
  threads,
  version,
  ...measure(JSON.parse(process.argv[2]!) as Size[]),
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
