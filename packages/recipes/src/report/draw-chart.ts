import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

import { condense, curveEnds, type CurvePoint, meanCurve, type Point, points } from './curve.js';
import type { Estimate } from './estimate.js';
import type { Measure } from './measures.js';
import type { ArmData } from './input.js';
import { curveWords, labelOf } from './words.js';

/** The curves of one arm. */
export interface Series {
  readonly name: string;
  /** Place among the arms: chooses colour and dash. */
  readonly index: number;
  /** One curve a seed. */
  readonly runs: readonly (readonly Point[])[];
  readonly mean: readonly CurvePoint[];
  /** Both ends of the mean curve, as they are said in words. */
  readonly ends: readonly CurvePoint[];
  /** Sampled tokens at which stage 1 ended, mean over seeds. */
  readonly boundary: number | null;
}

/** Dashes tell arms apart without colour. */
export const DASHES = ['none', '7 4', '2 4', '10 4 2 4'] as const;

/** CSS colour of an arm; four are defined, further arms start over. */
export function armColor(index: number): string {
  return `var(--arm-${index % DASHES.length})`;
}

/** The curves of every arm for one measure. */
export function seriesOf(arms: readonly ArmData[], measure: Measure): Series[] {
  return arms.map((arm, index) => {
    const runs = arm.runs.map((run) => condense(points(run, measure)));
    const boundaries = arm.runs.flatMap((run) => run.stageBoundary ?? []);
    const boundary =
      boundaries.length === 0 ? null : boundaries.reduce((a, b) => a + b, 0) / boundaries.length;
    const ends = curveEnds(arm, measure);
    return { name: arm.name, index, runs, mean: meanCurve(runs), ends, boundary };
  });
}

/** What a chart shows, in words. */
export function chartWords(measure: Measure, series: readonly Series[]): string {
  const arms = series.map(({ name, ends }) => curveWords(name, ends));
  return `${labelOf(measure)} against sampled tokens. ${arms.join(' ')}`;
}

/** A line chart of one measure against sampled tokens, as an SVG element. */
export function lineChart(measure: Measure, series: readonly Series[]): string {
  const limits = possibleValues(measure, series);
  const end = Math.max(
    ...series.flatMap(({ runs }) => runs.flatMap((run) => run.at(-1)?.tokens ?? 0)),
  );
  const format = tickFormat(series);
  return draw({
    width: 480,
    height: 280,
    marginLeft: 54,
    marginRight: 22,
    marginTop: 22,
    marginBottom: 42,
    style: { fontSize: '14px' },
    ariaLabel: chartWords(measure, series),
    x: {
      domain: [0, end || 1],
      label: 'sampled tokens',
      labelArrow: 'none',
      ticks: 5,
      tickFormat: compact,
      tickSize: 4,
    },
    y: { label: null, nice: true, ticks: 5, tickSize: 0, ...(format && { tickFormat: format }) },
    marks: [
      Plot.gridY({ ticks: 5, stroke: 'currentColor', strokeOpacity: 0.12 }),
      ...series.flatMap((one) => boundaryMarks(one, end)),
      ...series.map((one) => intervalBand(one, limits)),
      ...series.flatMap(seedLines),
      ...series.map(meanLine),
    ],
  });
}

function boundaryMarks({ boundary, index, name }: Series, end: number): Plot.Markish[] {
  if (boundary === null) return [];
  const late = boundary > 0.5 * end;
  const color = armColor(index);
  return [
    Plot.ruleX([boundary], { stroke: color, strokeOpacity: 0.8, strokeDasharray: '1 3' }),
    Plot.text([`${name}: stage 1 ends`], {
      x: boundary,
      frameAnchor: 'top',
      textAnchor: late ? 'end' : 'start',
      dx: late ? -5 : 5,
      dy: -15,
      fill: color,
      fontSize: 13,
    }),
  ];
}

function intervalBand(
  { mean, index }: Series,
  [lowest, highest]: readonly [number, number],
): Plot.Markish {
  const clamp = (x: number): number => Math.min(highest, Math.max(lowest, x));
  return Plot.areaY(
    mean.filter(({ low }) => low !== null),
    {
      x: 'tokens',
      y1: (point: CurvePoint) => clamp(point.low!),
      y2: (point: CurvePoint) => clamp(point.high!),
      fill: armColor(index),
      fillOpacity: 0.16,
    },
  );
}

/** One thin line a seed; with one seed the mean line is that line. */
function seedLines({ runs, index }: Series): Plot.Markish[] {
  if (runs.length === 1) return [];
  const style = { stroke: armColor(index), strokeOpacity: 0.32, strokeWidth: 0.9 };
  return runs.map((run) => Plot.line(run, { x: 'tokens', y: 'value', ...style }));
}

function meanLine({ mean, index }: Series): Plot.Markish {
  const style = { stroke: armColor(index), strokeDasharray: DASHES[index % DASHES.length]! };
  return Plot.line(mean, { x: 'tokens', y: 'mean', strokeWidth: 2.6, ...style });
}

/** An interval on a line with zero marked; decorative, since the numbers stand beside it. */
export function intervalMark({ mean, low, high }: Estimate, color: string): string {
  if (mean === null) return '';
  const reach = Math.max(...[mean, low ?? 0, high ?? 0].map(Math.abs)) || 1;
  return draw({
    width: 150,
    height: 22,
    margin: 0,
    x: { domain: [-1.08 * reach, 1.08 * reach], axis: null },
    y: { domain: [-1, 1], axis: null },
    marks: [
      Plot.ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.15 }),
      Plot.ruleX([0], { stroke: 'currentColor', strokeOpacity: 0.6 }),
      ...(low === null || high === null
        ? []
        : [
            Plot.link([0], {
              x1: low,
              x2: high,
              y1: 0,
              y2: 0,
              stroke: color,
              strokeWidth: 3.5,
              strokeOpacity: 0.55,
              strokeLinecap: 'round',
            }),
          ]),
      Plot.dot([mean], { x: mean, y: 0, r: 4.5, fill: color }),
    ],
  });
}

/** Possible values of the measure, unless the records themselves go beyond. */
function possibleValues({ range }: Measure, series: readonly Series[]): readonly [number, number] {
  const values = series.flatMap(({ runs }) => runs.flatMap((run) => run.map(({ value }) => value)));
  const inside = range && values.every((value) => value >= range[0] && value <= range[1]);
  return inside ? range : [-Infinity, Infinity];
}

/** Thousands as 20K, the very small by exponent, else what the scale proposes. */
function tickFormat(series: readonly Series[]): Plot.ScaleOptions['tickFormat'] {
  const sizes = series.flatMap(({ runs }) =>
    runs.flatMap((run) => run.map(({ value }) => Math.abs(value))),
  );
  const largest = Math.max(0, ...sizes);
  if (largest >= 10_000) return compact;
  return largest > 0 && largest < 0.01 ? '~e' : undefined;
}

function compact(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 }).format(
    value,
  );
}

/** SVG text: an image with its label, or decoration without one. */
function draw(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ document, className: 'plot', ...options });
  if (options.ariaLabel) svg.setAttribute('role', 'img');
  else svg.setAttribute('aria-hidden', 'true');
  return svg.outerHTML;
}
