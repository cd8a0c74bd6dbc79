import { rng, yieldToEventLoop } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Tokenizer } from '../tokenizer/types.js';
import type { Completion, SampledToken } from './completion.js';
import { CHUNK, type Decoding, type Rows, createDecoder, drawsInGraph } from './decoding.js';
import type { LanguageModel } from './language-model.js';
import { type GenerateOptions, type GenerationPlan, planGeneration } from './options.js';
import type { Prompt } from './prompts.js';
import { textStream } from './text-stream.js';
import { type Writing, arrange, complete, drawColumn, takeColumn, uniformsOf } from './writing.js';

/** The completions that a plan asks for, before their first tokens. */
function begin(
  { seeds, groupSize, prompts, stopStrings, constraint }: GenerationPlan,
  tokenizer: Tokenizer,
  withText: boolean,
): Writing[] {
  return seeds.map((seed, index): Writing => {
    const row = Math.floor(index / groupSize);
    return {
      index,
      row,
      source: rng(seed),
      prompt: prompts[row]!,
      state: constraint?.start ?? 0,
      tokens: [],
      logProbs: [],
      sampledLogProbs: [],
      features: [],
      ...((withText || stopStrings.length > 0) && {
        text: { stream: textStream(tokenizer, stopStrings), pieces: [] },
      }),
    };
  });
}

async function* write(
  model: LanguageModel,
  prompts: readonly Prompt[],
  options: GenerateOptions,
  withText: boolean,
): AsyncGenerator<readonly SampledToken[], Completion[]> {
  const plan = planGeneration(model, prompts, options);
  const { plain, features, compile = false, signal } = plan;
  const { config, tokenizer } = model;
  const all = begin(plan, tokenizer, withText);
  if (all.length === 0) return [];

  await yieldToEventLoop(signal);
  const decoder = createDecoder(model, compile, features);
  // By temperature, top-k and top-p tokens are drawn inside of the graph, many at a time; by anything else outside of it.
  const inGraph = compile !== false && plain !== undefined && drawsInGraph(plain);
  const texts = plan.prompts.map(({ tokens }) => tokens);
  const first = decoder.prefill(texts, plan.maxNewTokens);
  let now: Rows & Partial<Decoding> = first;
  const replace = (next: typeof now): void => {
    tf.dispose(now as object as tf.TensorContainer);
    now = next;
  };
  try {
    let active: Writing[] = all;
    const goOn = (column: readonly SampledToken[]): readonly SampledToken[] => {
      active = active.filter(({ finishReason }) => finishReason === undefined);
      return column;
    };
    for (let scored: Decoding | undefined = first; active.length > 0;) {
      if (scored !== undefined) {
        const read = {
          logits: (await scored.logits.data()) as Float32Array,
          ...(scored.features && { features: (await scored.features.data()) as Float32Array }),
        };
        yield goOn(await drawColumn(active, read, plan, config, signal));
        if (active.length === 0) break;
      }
      await yieldToEventLoop(signal);
      const next = arrange(now.padding.length, active, all.length);
      if (!inGraph) {
        scored = decoder.advance(now, next);
        replace(scored);
        continue;
      }
      scored = undefined;
      const count = Math.min(CHUNK, plan.maxNewTokens - active[0]!.tokens.length);
      const uniforms = uniformsOf(next.from.length, active, plain.temperature === 0 ? 0 : count);
      const { rows, drawn } = await decoder.advanceChunk(now, next, count, uniforms, plain);
      replace(rows);
      for (let column = 0; column < count && active.length > 0; column++) {
        if (column > 0) signal?.throwIfAborted();
        yield goOn(takeColumn(active, drawn, column, plan, config.hiddenSize));
      }
    }
  } finally {
    tf.dispose(now as object as tf.TensorContainer);
  }
  return all.map((each) => complete(each, plan, tokenizer));
}

/**
 * Samples completions with cached keys and values, and yields them token by token: one column a
 * step, with one entry for each completion that is not finished. Prompts of any lengths are read in
 * one pass, each once however large the group.
 *
 * Completion `i` of prompt `p` has its own random stream and takes one number of it a token. So it
 * does not depend on the other prompts of the batch, on their order, or on the group's size.
 *
 * @param model - configuration, parameters and tokenizer; borrowed until the generator ends
 * @param prompts - texts, which get the special tokens that their tokenizer begins texts with; tokens; or conversations, by the
 *   tokenizer's chat template
 * @param options - see {@link GenerateOptions}
 * @returns the completions, prompt after prompt, when the generator is done; leaving it early frees
 *   what it holds
 * @throws RangeError or TypeError, at the first `next()`, if an option is unknown or invalid, a prompt is empty, has a token
 *   outside the vocabulary or is too long, or the tokenizer does not fit the model; later, if logits
 *   are not finite, or processors leave no token; the signal's reason, if it aborts
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
  prompts: readonly Prompt[],
  options: GenerateOptions,
): AsyncGenerator<readonly SampledToken[], Completion[]> {
  return yield* write(model, prompts, options, true);
}

/**
 * Samples completions with cached keys and values: {@link generateStream}, run to its end.
 *
 * @param model - configuration, parameters and tokenizer; borrowed
 * @param prompts - as of {@link generateStream}
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
 * const constraint = regexConstraint(tokenizer, /(ab){2}/);
 * const [{ text }] = await generate(model, ['a'], { maxNewTokens: 6, processors: [minP(0.1)], constraint });
 * text; // => "abab"
 * ```
 */
export async function generate(
  model: LanguageModel,
  prompts: readonly Prompt[],
  options: GenerateOptions,
): Promise<Completion[]> {
  const stream = write(model, prompts, options, false);
  for (;;) {
    const { done, value } = await stream.next();
    if (done) return value;
  }
}
