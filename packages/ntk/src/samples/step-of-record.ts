import {
  type RecordedCompletion,
  type ToSamplesOptions,
  weightedCompletions,
} from './to-samples.js';
import type { SequenceStep } from './sequence-step.js';

/**
 * From the record of a training step to the step that {@link attributeStep} explains: {@link toSamples} on whole sequences, one a
 * completion that was not dropped.
 *
 * @param record - the record of a step, or anything with its `completions`
 * @param options - step size, and how losses were reduced
 * @returns sequences of prompt and completion, with a weight for each token of the completion
 * @throws TypeError or RangeError as {@link toSamples}
 *
 * @example
 * ```ts
 * const record = { completions: [{ promptTokens: [7, 8], tokens: [4, 5], advantages: [0.5, -1] }] };
 * stepOfRecord(record, { learningRate: 0.1 });
 * // => { sequences: [{ tokens: [7, 8, 4, 5], positions: [1, 2], weights: [0.5, -1] }], learningRate: 0.1, completions: 1 }
 * ```
 */
export function stepOfRecord(
  record: { readonly completions: readonly RecordedCompletion[] },
  options: ToSamplesOptions,
): SequenceStep {
  const completions = weightedCompletions('stepOfRecord', record, options);
  return {
    sequences: completions.map(({ promptTokens, tokens, weights }) => ({
      tokens: [...promptTokens, ...tokens],
      positions: tokens.map((_, t) => promptTokens.length - 1 + t),
      weights,
    })),
    learningRate: options.learningRate,
    completions: completions.length,
  };
}
