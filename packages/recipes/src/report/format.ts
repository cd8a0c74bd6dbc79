import type { Estimate } from './estimate.js';

/** Shown where nothing was measured. */
export const DASH = '—';

const MINUS = '−';

/** Decimals that show three significant digits of the largest of the values. */
export function decimalsOf(...values: readonly (number | null)[]): number {
  const largest = Math.max(0, ...values.map((value) => Math.abs(value ?? 0)));
  if (largest === 0) return 2;
  return Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(largest))));
}

/** Fixed decimals, thousands in groups, a true minus sign, no negative zero. */
export function formatFixed(value: number, decimals: number): string {
  const size = Math.abs(value);
  const small = size > 0 && Number(size.toFixed(6)) < 1e-5;
  const digits = size >= 1e9 || small ? size.toExponential(2) : size.toFixed(decimals);
  const [whole = '', fraction] = digits.split('.');
  const grouped =
    whole.replace(/\B(?=(\d{3})+$)/g, ',') + (fraction === undefined ? '' : `.${fraction}`);
  return value < 0 && Number(digits) !== 0 ? MINUS + grouped : grouped;
}

/** A number with three significant digits, or a dash. */
export function formatNumber(value: number | null): string {
  return value === null ? DASH : formatFixed(value, decimalsOf(value));
}

/** As {@link formatNumber}, with a plus sign when above zero. */
export function formatSigned(value: number | null, decimals = decimalsOf(value)): string {
  if (value === null) return DASH;
  const text = formatFixed(value, decimals);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** A mean and its interval as separate texts with the same decimals. */
export interface EstimateText {
  readonly mean: string;
  /** `[low, high]`, or empty without an interval. */
  readonly interval: string;
}

/** Texts of an estimate; with `signed`, numbers above zero get a plus sign. */
export function estimateText(
  { mean, low, high }: Estimate,
  { signed = false }: { readonly signed?: boolean } = {},
): EstimateText {
  if (mean === null) return { mean: DASH, interval: '' };
  const decimals = decimalsOf(mean, low, high);
  const format = (x: number): string =>
    signed ? formatSigned(x, decimals) : formatFixed(x, decimals);
  return {
    mean: format(mean),
    interval: low === null || high === null ? '' : `[${format(low)}, ${format(high)}]`,
  };
}

/** `mean [low, high]` in one text. */
export function formatEstimate(
  value: Estimate,
  options: { readonly signed?: boolean } = {},
): string {
  const { mean, interval } = estimateText(value, options);
  return interval === '' ? mean : `${mean} ${interval}`;
}

/** `n thing` or `n things`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** Wall-clock time in the largest fitting unit. */
export function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${formatFixed(seconds, seconds < 10 ? 1 : 0)} s`;
  return seconds < 7200
    ? `${formatFixed(seconds / 60, 0)} min`
    : `${formatFixed(seconds / 3600, 1)} h`;
}
