import type { Rng } from '@cfrl/engine';

import type { Tokenizer } from '../tokenizer/types.js';
import type { Completion, FinishReason, SampledToken } from './completion.js';
import { advance } from './decoding.js';
import type { Decoding } from './decoding.js';
import type { GenerationPlan, LanguageModel } from './options.js';
import { sampleToken } from './sample-token.js';

/** A completion that is being written. */
export interface Writing {
  readonly index: number;
  readonly source: Rng;
  readonly tokens: number[];
  readonly logProbs: number[];
  /** Its row in the current decoding. */
  row: number;
  finishReason?: FinishReason;
}

/** Finished rows are dropped from the batch when at least a quarter of it is finished. */
const WORTH_DROPPING = 0.75;

/** Draws one token for each of the completions, and writes it down. */
export function drawColumn(
  writing: readonly Writing[],
  logits: Float32Array,
  { sampling, stopTokens, maxNewTokens }: GenerationPlan,
  vocabSize: number,
): SampledToken[] {
  return writing.map((each) => {
    const row = logits.subarray(each.row * vocabSize, (each.row + 1) * vocabSize);
    const { token, logProb } = sampleToken(row, sampling, () => each.source.next());
    each.tokens.push(token);
    each.logProbs.push(logProb);
    if (stopTokens.has(token)) each.finishReason = 'stop';
    else if (each.tokens.length === maxNewTokens) each.finishReason = 'length';
    const sampled = { completion: each.index, token, logProb };
    return each.finishReason ? { ...sampled, finishReason: each.finishReason } : sampled;
  });
}

/** The next step of the batch; a finished row that stays for now reads a token that is ignored. */
export function continueRows(
  model: LanguageModel,
  now: Decoding,
  active: readonly Writing[],
): Decoding {
  const rows = now.padding.length;
  const inPlace =
    active.length > WORTH_DROPPING * rows &&
    active.length <= rows &&
    new Set(active.map(({ row }) => row)).size === active.length;
  const from = inPlace ? now.padding.map((_, row) => row) : active.map(({ row }) => row);
  const tokens = new Array<number>(from.length).fill(0);
  active.forEach((each, i) => {
    if (!inPlace) each.row = i;
    tokens[each.row] = each.tokens.at(-1)!;
  });
  return advance(model.params, model.config, now, from, tokens);
}

/** The completion that has been written. */
export const complete = (
  { tokens, logProbs, finishReason }: Writing,
  prompt: GenerationPlan['prompts'][number],
  tokenizer: Tokenizer,
): Completion => ({
  prompt: prompt.text,
  promptTokens: [...prompt.tokens],
  text: tokenizer.decode(finishReason === 'stop' ? tokens.slice(0, -1) : tokens),
  tokens,
  logProbs,
  finishReason: finishReason!,
});
