import type { Check } from './protocol.js';

/** How far two sides are apart in one quantity. */
export interface Difference {
  /** What was compared, and how. */
  readonly quantity: string;
  readonly difference: number;
  /** The largest difference that counts as equal. */
  readonly tolerance: number;
}

/** From what two sides computed to how far they are apart. */
export type Compare = (ours: Check, theirs: Check) => Difference[];

function pairs(name: string, ours: Check, theirs: Check): [number, number][] {
  const [a = [], b = []] = [ours[name], theirs[name]];
  if (a.length === 0 || a.length !== b.length) {
    throw new RangeError(
      `compare: ${name} has ${a.length} numbers of ours and ${b.length} of theirs, expected as many of ` +
        'both; let the two programs of the row return the same quantities',
    );
  }
  return a.map((number, i) => [number, b[i]!]);
}

/** NaN anywhere is a difference beyond any tolerance. */
const largest = (numbers: readonly number[]): number =>
  numbers.some(Number.isNaN) ? Infinity : Math.max(0, ...numbers);

const elementwise =
  (kind: string, distance: (a: number, b: number) => number) =>
  (name: string, tolerance: number): Compare =>
  (ours, theirs) => {
    const difference = largest(pairs(name, ours, theirs).map(([a, b]) => distance(a, b)));
    return [{ quantity: `${name} (${kind})`, difference, tolerance }];
  };

/** The largest `|ours - theirs|`. */
export const absolute = elementwise('absolute', (a, b) => Math.abs(a - b));

/** The largest `|ours - theirs| / |theirs|`. */
export const relative = elementwise('relative', (a, b) => (a === b ? 0 : Math.abs((a - b) / b)));

/**
 * Greedy completions: the share of them whose tokens differ, and the log-probabilities of those that agree. A few may
 * differ, since two tokens may be equally probable to the last digit.
 *
 * @param length - tokens a completion
 * @param share - of completions that may differ
 * @param tolerance - of log-probabilities, nats
 */
export const greedy =
  (length: number, share: number, tolerance: number): Compare =>
  (ours, theirs) => {
    const tokens = pairs('tokens', ours, theirs);
    const logProbs = pairs('logProbs', ours, theirs);
    const starts = Array.from({ length: tokens.length / length }, (_, i) => i * length);
    const equal = starts.filter((at) =>
      tokens.slice(at, at + length).every(([ours, theirs]) => ours === theirs),
    );
    const agreed = equal.flatMap((at) => logProbs.slice(at, at + length));
    const gap = largest(agreed.map(([a, b]) => Math.abs(a - b)));
    const differ = 1 - equal.length / starts.length;
    return [
      { quantity: 'greedy completions that differ (share)', difference: differ, tolerance: share },
      { quantity: 'their logProbs (absolute)', difference: gap, tolerance },
    ];
  };

/** The first difference that is too large, in words; nothing if there is none. */
export function disagreement(differences: readonly Difference[]): string | undefined {
  const first = differences.find(({ difference, tolerance }) => !(difference <= tolerance));
  if (first === undefined) return undefined;
  const { quantity, difference, tolerance } = first;
  return `the two do not compute the same: ${quantity} is ${difference.toPrecision(3)} apart, expected at most ${tolerance}`;
}
