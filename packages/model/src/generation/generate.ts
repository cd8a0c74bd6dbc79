import { rng } from '@cfrl/engine';

import type { Completion, SampledToken } from './completion.js';
import { decodingSteps, disposeDecoding, prefill } from './decoding.js';
import { planGeneration } from './options.js';
import type { GenerateOptions, LanguageModel } from './options.js';
import { complete, continueRows, drawColumn } from './writing.js';
import type { Writing } from './writing.js';

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
  const steps = decodingSteps(options.compile ?? false);
  let now = prefill(
    steps,
    params,
    config,
    plan.prompts.map(({ tokens }) => tokens),
    plan.maxNewTokens,
  );
  try {
    for (let active: Writing[] = all; ;) {
      const logits = (await now.logits.data()) as Float32Array;
      const column = drawColumn(active, logits, plan, config.vocabSize);
      active = active.filter(({ finishReason }) => finishReason === undefined);
      yield column;
      if (active.length === 0) break;
      options.signal?.throwIfAborted();
      const next = continueRows(steps, model, now, active, all.length);
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
