import { meanInterval } from '@cfrl/metrics';

/** Confidence level of every interval in a report. */
const LEVEL = 0.95;

/** A mean over seeds. Without values the mean is `null`; with one value there is no interval. */
export interface Estimate {
  readonly mean: number | null;
  /** Lower bound of the 95 % Student-t interval. */
  readonly low: number | null;
  /** Upper bound of the 95 % Student-t interval. */
  readonly high: number | null;
  /** Values that it was made from. */
  readonly n: number;
}

/** Mean and interval of the values that are there. */
export function estimate(values: readonly (number | null)[]): Estimate {
  const present = values.filter((value) => value !== null);
  if (present.length === 0) return { mean: null, low: null, high: null, n: 0 };
  return meanInterval(present, { level: LEVEL });
}

/** Where the interval lies: `above` or `below` zero, `around` it, or `unknown` without an interval. */
export type Side = 'above' | 'below' | 'around' | 'unknown';

/** On which side of zero the whole interval lies. */
export function side({ low, high }: Estimate): Side {
  if (low === null || high === null) return 'unknown';
  if (low > 0) return 'above';
  return high < 0 ? 'below' : 'around';
}

/** An estimate under a monotone map, e.g. `Math.exp` of a mean log ratio. */
export function mapEstimate({ mean, low, high, n }: Estimate, f: (x: number) => number): Estimate {
  const g = (x: number | null): number | null => (x === null ? null : f(x));
  return { mean: g(mean), low: g(low), high: g(high), n };
}
