import { type Params, disposeParams, fold, randomInt, rng } from '@cfrl/engine';
import { fetchSmolLM2 } from '@cfrl/fixtures';
import { charTokenizer, generate } from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

import { smollm2 } from '../work/work.js';
import { type PrepareJob, timed } from './job.js';

/** The sum of each parameter: every number has been read. */
const sums = (params: Params): number[] =>
  tf.tidy(() => Object.values(params).map((tensor) => tf.sum(tensor).dataSync()[0]!));

/** Loading a folder of float32, and reading every number once, since either side may map the file and read nothing. */
export const prepareLoading: PrepareJob = async ({ folder }) => {
  const { params, ...model } = await loadPretrained(await fetchSmolLM2(), { tokenizer: false });
  const names = Object.keys(params);
  await savePretrained(folder, { ...model, params });
  disposeParams(params);
  const load = async (): Promise<number[]> => {
    const loaded = await loadPretrained(folder, { tokenizer: false });
    const result = sums(loaded.params);
    disposeParams(loaded.params);
    return result;
  };
  const { ms, result } = await timed(load);
  return {
    check: { sums: result },
    firstMs: ms,
    handoff: { folder, names },
    iterate: async () => void (await load()),
    release: async () => undefined,
  };
};

/** Prompts and completions are tokens here; a tokenizer of as many characters as there are tokens stands for their texts. */
const tokenizerOf = (vocabSize: number) =>
  charTokenizer(
    String.fromCodePoint(...Array.from({ length: vocabSize - 2 }, (_, i) => 0x20000 + i)),
  );

/** Generation from prompts of random tokens; with one new token it is the prefill of the prompt. */
export const prepareGenerate: PrepareJob = async ({ folder, options: given }) => {
  const { batch, promptLength, newTokens } = given as Record<string, number>;
  const loaded = await loadPretrained(await fetchSmolLM2(), { tokenizer: false });
  await savePretrained(folder, loaded);
  const model = { ...loaded, tokenizer: tokenizerOf(loaded.config.vocabSize) };
  const prompts = Array.from({ length: batch! }, (_, row) => {
    const source = rng(fold(smollm2.seed, row));
    return Array.from({ length: promptLength! }, () => randomInt(source, model.config.vocabSize));
  });
  // No token ends a completion: all have the same length, as on the other side.
  const options = { maxNewTokens: newTokens!, stopTokens: [], compile: 'xla' as const };
  const { ms, result } = await timed(() =>
    generate(model, prompts, { ...options, temperature: 0 }),
  );
  let calls = 0;
  return {
    check: {
      tokens: result.flatMap(({ tokens }) => tokens),
      logProbs: result.flatMap(({ logProbs }) => logProbs),
    },
    firstMs: ms,
    handoff: { work: { newTokens: newTokens! }, folder, prompts },
    iterate: async () => void (await generate(model, prompts, { ...options, seed: calls++ })),
    release: async () => disposeParams(model.params),
  };
};
