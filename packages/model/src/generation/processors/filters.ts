import { checkInRange, checkPositiveInteger } from '@cfrl/engine';

import { type LogitsProcessor, each, keep, largest, weightsOf } from './processor.js';
import { select } from './select-threshold.js';

const negated = (logits: Float64Array): Float64Array => each(logits, (logit) => -logit);

/**
 * Divides the logits: below 1 sharpens, above 1 flattens.
 *
 * @param value - more than 0; for the most probable token every time, `generate` takes the option `temperature: 0`
 * @throws RangeError if it is not more than 0
 *
 * @example
 * ```ts
 * Array.from(temperature(0.5).apply(Float64Array.of(1, 2), { prompt: [0], tokens: [] })); // => [2, 4]
 * ```
 */
export function temperature(value: number): LogitsProcessor {
  checkInRange('temperature: value', value, Number.MIN_VALUE, Number.MAX_VALUE);
  return { name: 'temperature', apply: (logits) => each(logits, (logit) => logit / value) };
}

/**
 * Keeps the `k` most probable tokens, and ties with the last of them.
 *
 * @param k - at least 1; with `V` or more every token is kept
 * @throws RangeError if it is not a positive integer
 * @see Fan et al. 2018, section 5.4, https://arxiv.org/abs/1805.04833
 *
 * @example
 * ```ts
 * Array.from(topK(2).apply(Float64Array.of(3, 1, 2), { prompt: [0], tokens: [] })); // => [3, -Infinity, 2]
 * ```
 */
export function topK(k: number): LogitsProcessor {
  checkPositiveInteger('topK: k', k);
  return {
    name: 'topK',
    apply: (logits) => {
      if (k >= logits.length) return logits;
      const { threshold } = select(negated(logits), k);
      return keep(logits, (token) => -logits[token]! <= threshold);
    },
  };
}

/**
 * Keeps the first tokens in an order that together reach a share of the probability, at least one.
 *
 * @param order - of the tokens, by what is to be small; equal ones stand by their number
 */
function reaching(logits: Float64Array, share: number, order: Float64Array): Float64Array {
  const { weights, sum } = weightsOf(logits, largest(logits));
  const target = share * sum;
  const selected = select(order, target, weights);
  const { threshold } = selected;
  let { before } = selected;
  return keep(logits, (token) => {
    if (order[token]! < threshold) return true;
    if (order[token]! > threshold || before >= target) return false;
    before += weights[token]!;
    return true;
  });
}

/**
 * Nucleus sampling: keeps the fewest tokens whose probabilities together reach `p`, the most probable first.
 *
 * @param p - in (0, 1]; 1 keeps every token
 * @throws RangeError if it is outside
 * @see Holtzman et al. 2020, section 3.1, https://arxiv.org/abs/1904.09751
 *
 * @example
 * ```ts
 * const logits = Float64Array.of(0.5, 0.3, 0.2).map(Math.log);
 * Array.from(topP(0.7).apply(logits, { prompt: [0], tokens: [] }), Math.exp); // => [0.5, 0.3, 0]
 * ```
 */
export function topP(p: number): LogitsProcessor {
  checkInRange('topP: p', p, Number.MIN_VALUE, 1);
  return {
    name: 'topP',
    apply: (logits) => (p === 1 ? logits : reaching(logits, p, negated(logits))),
  };
}

/**
 * Keeps the tokens that are at least `p` times as probable as the most probable one.
 *
 * @param p - in [0, 1]; 0 keeps every token
 * @throws RangeError if it is outside
 * @see Nguyen et al. 2024, https://arxiv.org/abs/2407.01082
 *
 * @example
 * ```ts
 * const logits = Float64Array.of(0.6, 0.3, 0.1).map(Math.log);
 * Array.from(minP(0.4).apply(logits, { prompt: [0], tokens: [] }), Math.exp); // => [0.6, 0.3, 0]
 * ```
 */
export function minP(p: number): LogitsProcessor {
  checkInRange('minP: p', p, 0, 1);
  return {
    name: 'minP',
    apply: (logits) => {
      const threshold = largest(logits) + Math.log(p);
      return keep(logits, (token) => logits[token]! >= threshold);
    },
  };
}

/**
 * Locally typical sampling: keeps the fewest tokens that together reach `p`, those first whose information is closest to
 * the entropy.
 *
 *     closeness = |-log p(token) - entropy|
 *
 * @param p - in (0, 1]; 1 keeps every token
 * @throws RangeError if it is outside
 * @see Meister et al. 2023, section 5, https://arxiv.org/abs/2202.00666
 *
 * @example
 * ```ts
 * const logits = Float64Array.of(0.5, 0.3, 0.1, 0.1).map(Math.log); // entropy 1.17, -log 0.3 = 1.20
 * Array.from(typicalP(0.2).apply(logits, { prompt: [0], tokens: [] }), Math.exp); // => [0, 0.3, 0, 0]
 * ```
 */
export function typicalP(p: number): LogitsProcessor {
  checkInRange('typicalP: p', p, Number.MIN_VALUE, 1);
  return {
    name: 'typicalP',
    apply: (logits) => {
      if (p === 1) return logits;
      const max = largest(logits);
      const { weights, sum } = weightsOf(logits, max);
      const shift = max + Math.log(sum);
      let entropy = 0;
      weights.forEach((weight, token) => {
        if (weight > 0) entropy -= (weight / sum) * (logits[token]! - shift);
      });
      return reaching(
        logits,
        p,
        each(logits, (logit) => Math.abs(shift - logit - entropy)),
      );
    },
  };
}
