/** Measures with the number of threads of this process, and prints the result as one line of JSON. */
import { useBackend } from '@cfrl/engine';

import type { Size } from '../work/sizes.js';
import { type HalfPoint, measureHalf } from './half.js';
import { type Parts, measureParts } from './parts.js';
import { measurePeak } from './peak.js';
import { type Point, measureScaling } from './scaling.js';

/** What one number of threads gives. */
export interface Measured {
  readonly threads: number;
  readonly version: string;
  readonly peakGflops: number;
  readonly half: readonly HalfPoint[];
  readonly points: readonly Point[];
  readonly parts: readonly Parts[];
}

const { threads, version } = await useBackend('tensorflow', { install: false });
const models = process.argv.slice(2) as Size[];
const parts = models.map((size) => {
  process.stderr.write(`${threads} threads: parts of a training step, ${size}\n`);
  return measureParts(size, size === 'M' ? 7 : 25);
});
process.stderr.write(`${threads} threads: sizes\n`);
const measured: Measured = {
  threads,
  version,
  peakGflops: measurePeak(15),
  half: measureHalf(25),
  points: measureScaling(9, () => process.stderr.write('.')),
  parts,
};
process.stderr.write('\n');
process.stdout.write(`${JSON.stringify(measured)}\n`);
