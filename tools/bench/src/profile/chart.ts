import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

import type { Measured } from './measure.js';
import type { Shape } from './scaling.js';

const labels: Readonly<Record<keyof Shape, string>> = {
  batch: 'sequences a batch',
  time: 'tokens a sequence',
  width: 'width of the model',
};

/** Training tokens a second against one of the sizes, a line for each number of threads: an SVG file. */
export function scalingChart(varied: keyof Shape, measured: readonly Measured[]): string {
  const { document } = parseHTML('<html></html>');
  const lines = measured.map(({ threads, points }) =>
    points
      .filter((point) => point.varied === varied)
      .map((point) => ({
        x: point[varied],
        y: point.tokensPerSecond,
        threads: `${threads} threads`,
      })),
  );
  const data = lines.flat();
  const ends = lines.map((line) => line.at(-1));
  const options = { x: 'x', y: 'y', stroke: 'threads' };
  const ticks = data.map(({ x }) => x);
  const svg = Plot.plot({
    document,
    width: 420,
    height: 260,
    marginLeft: 60,
    marginBottom: 40,
    style: { background: 'white', color: 'black', fontFamily: 'sans-serif' },
    x: { type: 'log', base: 2, label: labels[varied], ticks, tickFormat: 'd' },
    y: { type: 'log', label: 'tokens a second', grid: true, tickFormat: '~s' },
    color: { domain: ends.map((end) => end!.threads), range: ['#9a6700', '#0550ae'] },
    marks: [
      Plot.lineY(data, options),
      Plot.dot(data, options),
      Plot.text(ends, { x: 'x', y: 'y', text: 'threads', dy: -10, dx: -24, fill: 'threads' }),
    ],
  });
  return `${svg.outerHTML.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')}\n`;
}
