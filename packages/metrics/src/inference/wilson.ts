import { checkInteger, checkLevel, checkNumberOf, resolveOptions } from '../check.js';
import { normalQuantile } from '../numbers/normal.js';

/** A share with its interval. */
export interface ShareInterval {
  /** Successes over trials. */
  readonly share: number;
  /** Lower end, in [0, share]. */
  readonly low: number;
  /** Upper end, in [share, 1]. */
  readonly high: number;
  /** Trials. */
  readonly n: number;
}

/**
 * Wilson's interval for a share, such as an accuracy; good for few trials and for shares of 0 and 1.
 *
 *     (s + z^2 / 2 +- z sqrt(s (n - s) / n + z^2 / 4)) / (n + z^2),   z = Phi^-1((1 + level) / 2)
 *
 * Unit: probability. Range: [0, 1]. Misleads when trials are not independent (several samples of one prompt):
 * see {@link hierarchicalBootstrap}.
 *
 * @param successes - In [0, n].
 * @param n - Trials, at least 1.
 * @throws RangeError if a count is not an integer or out of range, or `level` is outside (0, 1).
 * @see Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
 *
 * @example
 * ```ts
 * wilsonInterval(8, 10); // => { share: 0.8, low: 0.490162, high: 0.943318, n: 10 }
 * ```
 */
export function wilsonInterval(
  successes: number,
  n: number,
  options: { readonly level?: number } = {},
): ShareInterval {
  const { level } = resolveOptions('wilsonInterval', options, { level: 0.95 });
  checkInteger('wilsonInterval', 'n', n, 1);
  checkNumberOf('wilsonInterval', 'successes', successes, 0, n, ' (n)');
  checkLevel('wilsonInterval', level);
  const z = normalQuantile((1 + level) / 2);
  const half = z * Math.sqrt((successes * (n - successes)) / n + (z * z) / 4);
  const share = successes / n;
  // The ends of 0 and n successes are exact; elsewhere rounding must not pass the share.
  const low = successes === 0 ? 0 : (successes + (z * z) / 2 - half) / (n + z * z);
  const high = successes === n ? 1 : (successes + (z * z) / 2 + half) / (n + z * z);
  return { share, low: Math.min(low, share), high: Math.max(high, share), n };
}
