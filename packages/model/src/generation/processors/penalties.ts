import { checkFinite, checkInRange } from '@cfrl/engine';

import type { LogitsProcessor } from './processor.js';

/** The logits, changed for the tokens of a list by how often each occurs there. */
function changed(
  logits: Float64Array,
  tokens: readonly number[],
  change: (logit: number, count: number) => number,
): Float64Array {
  const counts = new Map<number, number>();
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  const result = new Float64Array(logits);
  for (const [token, count] of counts) result[token] = change(logits[token]!, count);
  return result;
}

/**
 * Makes tokens of the prompt and the completion less probable: divides their logits if positive, multiplies them if negative.
 *
 * @param penalty - more than 0; above 1 against repetition, below 1 for it
 * @throws RangeError if it is not more than 0
 * @see Keskar et al. 2019, section 4.1, https://arxiv.org/abs/1909.05858
 *
 * @example
 * ```ts
 * const { apply } = repetitionPenalty(2);
 * Array.from(apply(Float64Array.of(3, -3, 3), { prompt: [0], tokens: [1] })); // => [1.5, -6, 3]
 * ```
 */
export function repetitionPenalty(penalty: number): LogitsProcessor {
  checkInRange('repetitionPenalty: penalty', penalty, Number.MIN_VALUE, Number.MAX_VALUE);
  return {
    name: 'repetitionPenalty',
    apply: (logits, { prompt, tokens }) =>
      changed(logits, [...prompt, ...tokens], (logit) =>
        logit < 0 ? logit * penalty : logit / penalty,
      ),
  };
}

/**
 * Subtracts from the logit of every token that the completion has; the prompt does not count.
 *
 * @param penalty - nats; negative ones encourage
 * @throws RangeError if it is not finite
 * @see OpenAI, https://platform.openai.com/docs/api-reference/chat/create (presence_penalty)
 *
 * @example
 * ```ts
 * const { apply } = presencePenalty(0.5);
 * Array.from(apply(Float64Array.of(1, 1, 1), { prompt: [2], tokens: [0, 0] })); // => [0.5, 1, 1]
 * ```
 */
export function presencePenalty(penalty: number): LogitsProcessor {
  checkFinite('presencePenalty: penalty', penalty);
  return {
    name: 'presencePenalty',
    apply: (logits, { tokens }) => changed(logits, tokens, (logit) => logit - penalty),
  };
}

/**
 * Subtracts from the logit of a token as many times as the completion has it; the prompt does not count.
 *
 * @param penalty - nats; negative ones encourage
 * @throws RangeError if it is not finite
 * @see OpenAI, https://platform.openai.com/docs/api-reference/chat/create (frequency_penalty)
 *
 * @example
 * ```ts
 * const { apply } = frequencyPenalty(0.5);
 * Array.from(apply(Float64Array.of(1, 1, 1), { prompt: [2], tokens: [0, 0] })); // => [0, 1, 1]
 * ```
 */
export function frequencyPenalty(penalty: number): LogitsProcessor {
  checkFinite('frequencyPenalty: penalty', penalty);
  return {
    name: 'frequencyPenalty',
    apply: (logits, { tokens }) =>
      changed(logits, tokens, (logit, count) => logit - count * penalty),
  };
}
