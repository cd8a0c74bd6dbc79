import { type LanguageModel, generate, promptTokens } from '@cfrl/model';
import type { Sequence } from '@cfrl/ntk';

import type { PromptLine } from './read-prompts.js';

/** A sequence whose contexts are the places that the completion's tokens were drawn from. */
export interface CompletionSequence extends Required<Sequence> {
  /** Tokens of the prompt. */
  readonly promptLength: number;
}

/** A prompt's tokens and its completion's, the contexts at every position that one of these was drawn from. */
const completionSequence = (
  prompt: readonly number[],
  completion: readonly number[],
): CompletionSequence => ({
  tokens: [...prompt, ...completion],
  positions: completion.map((_, t) => prompt.length - 1 + t),
  promptLength: prompt.length,
});

/** How completions are sampled. */
export interface SampleOptions {
  readonly perPrompt: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** The file's completions, or sampled ones where it has none. */
export async function completionSequences(
  model: LanguageModel,
  lines: readonly PromptLine[],
  { perPrompt, ...sampling }: SampleOptions,
): Promise<CompletionSequence[]> {
  if (lines[0]!.completion !== undefined) {
    return lines.map(({ prompt, completion }, i) => {
      const tokens = model.tokenizer.encode(completion!, { addSpecialTokens: false });
      return completionSequence(promptTokens(model, prompt, `explain: prompt ${i + 1}`), tokens);
    });
  }
  const completions = await generate(
    model,
    lines.map(({ prompt }) => prompt),
    { ...sampling, groupSize: perPrompt },
  );
  return completions.map((completion) =>
    completionSequence(completion.promptTokens, completion.tokens),
  );
}
