import { between, option, resolveOptions } from '@cfrl/engine';

import { checkAllFinite, checkList } from '../check.js';

/** Options of {@link gae}. */
export interface GaeOptions {
  /** Discount per token, in [0, 1]. A completion is short, so what comes late counts in full. @defaultValue 1 */
  readonly gamma?: number;
  /** Between the one-step error (0: least variance) and the Monte Carlo return (1: no bias). @defaultValue 0.95 */
  readonly gaeLambda?: number;
}

/** Discount and trace in tables of options. */
export const gaeOptions = {
  gamma: option(1, between(0, 1)),
  gaeLambda: option(0.95, between(0, 1)),
};

/**
 * Generalised advantage estimation for one completion of `L` tokens.
 *
 *     delta_t = rewards_t + gamma values_{t+1} - values_t
 *     A_t     = sum_{k >= 0} (gamma gaeLambda)^k delta_{t+k}
 *
 * @param rewards - `[L]`, reward units, paid for each token; the task's reward is in the last entry
 * @param values - `[L + 1]`, reward units, the critic's value of the prefix before each token and,
 *   last, of the whole: 0 if nothing more can be earned, the bootstrap value otherwise
 * @param options - discount and trace
 * @returns `advantages` and the critic's targets `returns = advantages + values`, both `[L]`, reward units
 * @throws RangeError if `values` is not one longer than `rewards`, an entry is not finite, or an
 *   option is outside [0, 1] or unknown
 * @see Schulman et al. 2016, eq. 16, https://arxiv.org/abs/1506.02438
 *
 * @example
 * ```ts
 * gae([0, 0, 1], [0.5, 0.5, 0.5, 0], { gaeLambda: 1 }).advantages; // => [0.5, 0.5, 0.5]
 * gae([0, 0, 1], [0.5, 0.5, 0.5, 0], { gaeLambda: 0 }).advantages; // => [0, 0, 0.5]
 * ```
 */
export function gae(
  rewards: readonly number[],
  values: readonly number[],
  options: GaeOptions = {},
): { advantages: number[]; returns: number[] } {
  const { gamma, gaeLambda } = resolveOptions('gae', options, gaeOptions);
  checkList('gae: rewards', rewards, 'numbers');
  checkList('gae: values', values, 'numbers');
  if (values.length !== rewards.length + 1) {
    throw new RangeError(
      `gae: values has ${values.length} entries, expected ${rewards.length + 1} (rewards + 1); ` +
        'append the value after the last token',
    );
  }
  checkAllFinite('gae: rewards', rewards);
  checkAllFinite('gae: values', values);

  const advantages = rewards.map((reward, t) => reward + gamma * values[t + 1]! - values[t]!);
  for (let t = advantages.length - 2; t >= 0; t--) {
    advantages[t]! += gamma * gaeLambda * advantages[t + 1]!;
  }
  return { advantages, returns: advantages.map((advantage, t) => advantage + values[t]!) };
}
