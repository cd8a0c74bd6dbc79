import { type Estimate, estimate } from './estimate.js';
import type { Measure } from './measures.js';
import type { RunData } from '../run/row-types.js';
import type { ArmData } from './input.js';

/** A value at a number of sampled tokens. */
export interface Point {
  readonly tokens: number;
  readonly value: number;
}

/** A mean over seeds at a number of sampled tokens. */
export interface CurvePoint extends Estimate {
  readonly tokens: number;
}

/** A curve has so many points at most. */
const MAX_POINTS = 60;

/** The recorded values of a measure, in order; rows where it was not measured are left out. */
export function points(run: RunData, { source, key }: Measure): Point[] {
  const rows: readonly Readonly<Record<string, unknown>>[] = run[source] as never;
  return rows.flatMap((row) => {
    const value = row[key];
    return typeof value === 'number' ? [{ tokens: row['sampledTokens'] as number, value }] : [];
  });
}

/** Means of consecutive chunks, so that at most 60 points are left. Short lists stay as they are. */
export function condense(all: readonly Point[], maxPoints = MAX_POINTS): Point[] {
  const size = Math.ceil(all.length / maxPoints);
  if (size <= 1) return [...all];
  const average = (items: readonly Point[], pick: (point: Point) => number): number =>
    items.reduce((sum, item) => sum + pick(item), 0) / items.length;
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => {
    const chunk = all.slice(i * size, (i + 1) * size);
    return { tokens: average(chunk, (p) => p.tokens), value: average(chunk, (p) => p.value) };
  });
}

/**
 * The value at a number of tokens, by linear interpolation between neighbours; `null` outside the
 * recorded range. Of several points at the same place the last counts.
 */
export function valueAt(all: readonly Point[], tokens: number): number | null {
  const after = all.findIndex((point) => point.tokens > tokens);
  const i = (after < 0 ? all.length : after) - 1;
  const left = all[i];
  if (!left) return null;
  if (left.tokens === tokens) return left.value;
  const right = all[i + 1];
  if (!right) return null;
  const share = (tokens - left.tokens) / (right.tokens - left.tokens);
  return left.value + share * (right.value - left.value);
}

/**
 * First number of tokens at which the curve, drawn with straight lines, is at the threshold or
 * above; `null` if that is not before `end`.
 */
export function firstReach(all: readonly Point[], threshold: number, end: number): number | null {
  const i = all.findIndex((point) => point.value >= threshold);
  const right = all[i];
  if (!right) return null;
  const left = all[i - 1];
  const tokens = left
    ? left.tokens +
      ((threshold - left.value) / (right.value - left.value)) * (right.tokens - left.tokens)
    : right.tokens;
  return tokens <= end ? tokens : null;
}

/** Mean height of the curve between its first point and `end` (area under it by width). */
export function meanHeight(all: readonly Point[], end: number): number | null {
  const last = valueAt(all, end);
  const first = all[0];
  if (last === null || !first || first.tokens >= end) return null;
  const path = [...all.filter((point) => point.tokens < end), { tokens: end, value: last }];
  const area = path.slice(1).reduce((sum, p, i) => {
    const from = path[i]!;
    return sum + ((p.tokens - from.tokens) * (p.value + from.value)) / 2;
  }, 0);
  return area / (end - first.tokens);
}

/** The two ends of an arm's mean curve, from the values as recorded: the numbers that are said of it, equal to those in tables. */
export function curveEnds({ runs }: ArmData, measure: Measure): CurvePoint[] {
  return meanCurve(
    runs.map((run) => points(run, measure)),
    2,
  );
}

/**
 * Mean curve over seeds. The seeds' curves are read, by linear interpolation, at 61 equally spaced
 * positions of the range that all of them cover. Curves without any point are left out.
 */
export function meanCurve(curves: readonly (readonly Point[])[], gridPoints = 61): CurvePoint[] {
  const present = curves.filter((curve) => curve.length > 0);
  if (present.length === 0) return [];
  const start = Math.max(...present.map((curve) => curve[0]!.tokens));
  const end = Math.min(...present.map((curve) => curve.at(-1)!.tokens));
  if (end < start) return [];
  const count = end === start ? 1 : gridPoints;
  return Array.from({ length: count }, (_, i) => {
    const tokens =
      count === 1 ? start : i === count - 1 ? end : start + (i * (end - start)) / (count - 1);
    return { tokens, ...estimate(present.map((curve) => valueAt(curve, tokens))) };
  });
}
