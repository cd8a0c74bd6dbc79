/** Measures where the time goes, with one thread and with all, and fills docs/performance.md and its charts: `npm run bench:profile`. */
import { availableParallelism } from 'node:os';

import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

import { processors } from '../machine.js';
import { fillPage, table, writeRepositoryFile } from '../page.js';
import { runScript } from '../workers.js';
import type { Measured } from './measure.js';

/** Training tokens a second against one of the sizes, a line for each number of threads: an SVG file. */
function scalingChart(varied: string, label: string, measured: readonly Measured[]): string {
  const { document } = parseHTML('<html></html>');
  const lines = measured.map(({ threads, points }) =>
    points
      .filter((point) => point.varied === varied)
      .map(({ value, tokensPerSecond }) => ({
        x: value,
        y: tokensPerSecond,
        threads: `${threads} threads`,
      })),
  );
  const [data, ends] = [lines.flat(), lines.map((line) => line.at(-1)!)];
  const options = { x: 'x', y: 'y', stroke: 'threads' };
  const svg = Plot.plot({
    document,
    width: 420,
    height: 260,
    marginLeft: 60,
    marginBottom: 40,
    style: { background: 'white', color: 'black', fontFamily: 'sans-serif' },
    x: { type: 'log', base: 2, label, ticks: data.map(({ x }) => x), tickFormat: 'd' },
    y: { type: 'log', label: 'tokens a second', grid: true, tickFormat: '~s' },
    color: { domain: ends.map(({ threads }) => threads), range: ['#9a6700', '#0550ae'] },
    marks: [
      Plot.lineY(data, options),
      Plot.dot(data, options),
      Plot.text(ends, { x: 'x', y: 'y', text: 'threads', dy: -10, dx: -24, fill: 'threads' }),
    ],
  });
  return `${svg.outerHTML.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')}\n`;
}

function partsTable({ parts, peakGflops }: Measured): string {
  const ms = (number: number): string => number.toPrecision(3);
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  const line = (name: string, cell: (model: Measured['parts'][number]) => string): string[] => [
    name,
    ...parts.map(cell),
  ];
  return table(
    line('', ({ size }) => size),
    [
      line('**whole step, ms**', ({ step }) => `**${ms(step)}**`),
      ...Object.keys(parts[0]!.parts).map((name) => line(name, (each) => ms(each.parts[name]!))),
      line('all products, share of the step', ({ products, step }) => percent(products / step)),
      line('products, GFLOP/s', ({ gflops }) => gflops.toFixed(0)),
      line('share of the peak', ({ gflops }) => percent(gflops / peakGflops)),
    ],
  );
}

const measure = (threads: number, models: readonly string[]): Measured =>
  runScript(new URL('measure.ts', import.meta.url), models, { CFRL_THREADS: String(threads) });

const threads = availableParallelism();
const most = measure(threads, ['XS', 'S', 'M']);
const measured = threads > 1 ? [measure(1, []), most] : [most];
for (const [varied, label] of [
  ['batch', 'sequences a batch'],
  ['time', 'tokens a sequence'],
  ['width', 'width of the model'],
] as const) {
  await writeRepositoryFile(`docs/scaling-${varied}.svg`, scalingChart(varied, label, measured));
}
const filled = await fillPage('docs/performance.md', {
  circumstances: `Measured on ${processors} with ${threads} threads, TensorFlow ${most.version}, float32. The peak is that of one product of 2048 x 2048 matrices: ${most.peakGflops.toFixed(0)} GFLOP/s.`,
  parts: partsTable(most),
});
await writeRepositoryFile('docs/performance.md', filled);
process.stdout.write('Written: docs/performance.md and its charts\n');
