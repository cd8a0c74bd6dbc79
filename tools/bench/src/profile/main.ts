/** Measures where the time goes, with one thread and with all, and fills docs/performance.md and its charts: `npm run bench:profile`. */
import { availableParallelism } from 'node:os';

import { fillPage, table, writeRepositoryFile } from '../page.js';
import { processor, runScript } from '../run-script.js';
import { scalingChart } from './chart.js';
import type { Measured } from './measure.js';

const ms = (number: number): string => number.toPrecision(3);
const percent = (share: number): string => `${Math.round(100 * share)} %`;

function partsTable({ parts, peakGflops }: Measured): string {
  const each = (cell: (parts: Measured['parts'][number]) => string): string[] => parts.map(cell);
  const names = Object.keys(parts[0]!.parts);
  return table(
    ['', ...each(({ size }) => size)],
    [
      ['**whole step, ms**', ...each(({ step }) => `**${ms(step)}**`)],
      ...names.map((name) => [name, ...each((model) => ms(model.parts[name]!))]),
      [
        'all products, share of the step',
        ...each(({ products, step }) => percent(products / step)),
      ],
      ['products, GFLOP/s', ...each(({ gflops }) => gflops.toFixed(0))],
      ['share of the peak', ...each(({ gflops }) => percent(gflops / peakGflops))],
    ],
  );
}

const halfTable = ({ half }: Measured): string =>
  table(
    ['product', '>float32', '>bfloat16', '>widened at each use'],
    half.map(({ shape: [n, i, o], times }) => [`[${n}, ${i}] x [${i}, ${o}]`, ...times.map(ms)]),
  );

const measure = (threads: number, models: readonly string[]): Measured =>
  runScript(new URL('measure.ts', import.meta.url), models, { CFRL_THREADS: String(threads) });

const threads = availableParallelism();
const most = measure(threads, ['XS', 'S', 'M']);
const measured = threads > 1 ? [measure(1, []), most] : [most];
for (const varied of ['batch', 'time', 'width'] as const) {
  await writeRepositoryFile(`docs/scaling-${varied}.svg`, scalingChart(varied, measured));
}
const page = 'docs/performance.md';
const filled = await fillPage(page, {
  circumstances: `Measured on ${processor} with ${threads} threads, TensorFlow ${most.version}, float32. The roof is one product of 2048 x 2048 matrices: ${most.peakGflops.toFixed(0)} GFLOP/s.`,
  parts: partsTable(most),
  half: halfTable(most),
});
await writeRepositoryFile(page, filled);
process.stdout.write(`Written: ${page} and its charts\n`);
