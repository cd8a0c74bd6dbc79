import { rng } from '@cfrl/engine';
import type { Rng } from '@cfrl/engine';

import { advance, disposeDecoding, prefill } from './decoding.js';
import type { Decoding } from './decoding.js';
import { planGeneration } from './options.js';
import type { GenerateOptions, GenerationPlan, LanguageModel } from './options.js';
import { sampleToken } from './sample-token.js';
import type { Tokenizer } from '../tokenizer/types.js';

/** Why a completion ended: a stop token, or `maxNewTokens`. */
export type FinishReason = 'stop' | 'length';

/** One completion of one prompt. */
export interface Completion {
  /** The prompt's text. */
  readonly prompt: string;
  readonly promptTokens: number[];
  /** The completion's text, without the stop token. */
  readonly text: string;
  /** The completion's tokens, the stop token included. */
  readonly tokens: number[];
  /** Nats, one a token, under the raw policy: temperature 1, every token allowed. */
  readonly logProbs: number[];
  readonly finishReason: FinishReason;
}

/** A token as it was drawn. */
export interface SampledToken {
  /** Which completion: its index in the result of {@link generate}. */
  readonly completion: number;
  readonly token: number;
  /** Nats, under the raw policy. */
  readonly logProb: number;
  /** Set on a completion's last token. */
  readonly finishReason?: FinishReason;
}

/** A completion that is being written. */
interface Writing {
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

function drawColumn(
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
function continueRows(model: LanguageModel, now: Decoding, active: readonly Writing[]): Decoding {
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

const complete = (
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

/**
 * Samples completions with cached keys and values, and yields them token by token: one column a
 * step, with one entry for each completion that is not finished. Prompts of any lengths are read in
 * one pass, each once however large the group.
 *
 * Completion `i` of prompt `p` has its own random stream and takes one number of it a token. So it
 * does not depend on the other prompts of the batch, on their order, or on the group's size.
 *
 * @param model - configuration, parameters and tokenizer; borrowed until the generator ends
 * @param prompts - texts or tokens, at least one token each
 * @param options - see {@link GenerateOptions}
 * @returns the completions, prompt after prompt, when the generator is done; leaving it early frees
 *   what it holds
 * @throws RangeError, at the first `next()`, if an option is invalid, a prompt is empty, has a token
 *   outside the vocabulary or is too long, or the tokenizer does not fit the model; later, if logits
 *   are not finite
 *
 * @example
 * ```ts
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * const columns = [];
 * for await (const column of generateStream(model, ['a', 'bb'], { maxNewTokens: 3, stopTokens: [] })) {
 *   columns.push(column.length);
 * }
 * columns; // => [2, 2, 2]
 * ```
 */
export async function* generateStream(
  model: LanguageModel,
  prompts: readonly (string | readonly number[])[],
  options: GenerateOptions,
): AsyncGenerator<readonly SampledToken[], Completion[]> {
  const plan = planGeneration(model, prompts, options);
  const { groupSize } = plan;
  const all = plan.seeds.map((seed, index): Writing => {
    const row = Math.floor(index / groupSize);
    return { index, row, source: rng(seed), tokens: [], logProbs: [] };
  });
  if (all.length === 0) return [];

  options.signal?.throwIfAborted();
  const { config, params, tokenizer } = model;
  let now = prefill(
    params,
    config,
    plan.prompts.map(({ tokens }) => tokens),
  );
  try {
    for (let active: Writing[] = all; ;) {
      const logits = (await now.logits.data()) as Float32Array;
      const column = drawColumn(active, logits, plan, config.vocabSize);
      active = active.filter(({ finishReason }) => finishReason === undefined);
      yield column;
      if (active.length === 0) break;
      options.signal?.throwIfAborted();
      const next = continueRows(model, now, active);
      disposeDecoding(now);
      now = next;
    }
  } finally {
    disposeDecoding(now);
  }
  return all.map((each) =>
    complete(each, plan.prompts[Math.floor(each.index / groupSize)]!, tokenizer),
  );
}

/**
 * Samples completions with cached keys and values: {@link generateStream}, run to its end.
 *
 * @param model - configuration, parameters and tokenizer; borrowed
 * @param prompts - texts or tokens, at least one token each
 * @param options - see {@link GenerateOptions}
 * @returns `groupSize` completions a prompt, prompt after prompt
 * @throws as {@link generateStream}
 *
 * @example
 * ```ts
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * const completions = await generate(model, ['ab', [1]], { maxNewTokens: 4, groupSize: 2, seed: 1 });
 * completions.map(({ prompt }) => prompt); // => ["ab", "ab", "b", "b"]
 * ```
 */
export async function generate(
  model: LanguageModel,
  prompts: readonly (string | readonly number[])[],
  options: GenerateOptions,
): Promise<Completion[]> {
  const stream = generateStream(model, prompts, options);
  for (;;) {
    const { done, value } = await stream.next();
    if (done) return value;
  }
}
