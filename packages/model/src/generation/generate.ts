import { rng } from '@cfrl/engine';

import type { Completion, SampledToken } from './completion.js';
import {
  CHUNK,
  type Decoding,
  advance,
  advanceChunk,
  decodingSteps,
  disposeDecoding,
  prefill,
} from './decoding.js';
import { planGeneration } from './options.js';
import type { GenerateOptions, LanguageModel } from './options.js';
import { arrange, complete, drawColumn, takeColumn, uniformsOf } from './writing.js';
import type { Writing } from './writing.js';

/** Vocabulary up to which tokens are drawn in the graph, by a product with a triangle of that size. */
const LARGEST_DRAW = 1024;

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
  const { compile = false } = options;
  const steps = decodingSteps(compile);
  const { temperature, topK, topP } = plan.sampling;
  // Drawing among all tokens is part of the graph, many tokens at a time; choosing among them is not.
  const inChunks =
    compile !== false &&
    temperature > 0 &&
    topK >= config.vocabSize &&
    topP === 1 &&
    config.vocabSize <= LARGEST_DRAW;
  let now: Pick<Decoding, 'cache' | 'padding' | 'time'> & Partial<Decoding> = prefill(
    steps,
    params,
    config,
    plan.prompts.map(({ tokens }) => tokens),
    plan.maxNewTokens,
  );
  const replace = (next: typeof now): void => {
    disposeDecoding(now);
    now = next;
  };
  try {
    let active: Writing[] = all;
    const unfinished = (): Writing[] =>
      active.filter(({ finishReason }) => finishReason === undefined);
    const first = (await now.logits!.data()) as Float32Array;
    for (let logits: Float32Array | undefined = first; active.length > 0;) {
      if (logits !== undefined) {
        const column = drawColumn(active, logits, plan, config.vocabSize);
        active = unfinished();
        yield column;
        if (active.length === 0) break;
      }
      options.signal?.throwIfAborted();
      const { from, tokens } = arrange(now.padding.length, active, all.length);
      if (!inChunks) {
        const next = advance(steps, params, config, now, from, tokens);
        replace(next);
        logits = (await next.logits.data()) as Float32Array;
        continue;
      }
      logits = undefined;
      const left = plan.maxNewTokens - active[0]!.tokens.length;
      const count = Math.min(CHUNK, left);
      const uniforms = uniformsOf(from.length, active, count);
      const drawn = await advanceChunk(
        ...([steps, params, config, now, from, tokens, uniforms, count, temperature] as const),
      );
      replace(drawn);
      for (let column = 0; column < count && active.length > 0; column++) {
        const sampled = takeColumn(active, drawn, column, plan);
        active = unfinished();
        yield sampled;
      }
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
