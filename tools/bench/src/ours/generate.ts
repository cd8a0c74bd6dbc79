import { disposeParams } from '@cfrl/engine';
import { fetchSmolLM2 } from '@cfrl/fixtures';
import { type LanguageModel, charTokenizer, generate } from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

import { type Program, jobOf } from './job.js';
import { type Size, freshModel, randomRows, sizes } from './model.js';

const loadWeights = (folder: string) => loadPretrained(folder, { tokenizer: false });

/** Its prompts and completions are tokens; a tokenizer of as many characters as there are tokens stands for their texts. */
async function smolLM2(): Promise<LanguageModel> {
  const model = await loadWeights(await fetchSmolLM2());
  const characters = Array.from({ length: model.config.vocabSize - 2 }, (_, i) => 0x20000 + i);
  return { ...model, tokenizer: charTokenizer(String.fromCodePoint(...characters)) };
}

/** Cached sampling of one completion a prompt, with the log-probability of every token; with one new token it is the prefill. */
export const prepareGenerate: Program = async (work, folder) => {
  const { batch, promptLength, newTokens, seed } = work as Record<string, number>;
  const isSmolLM2 = work['size'] === 'SmolLM2';
  const model = isSmolLM2 ? await smolLM2() : freshModel(sizes[work['size'] as Size]);
  const vocabulary = isSmolLM2 ? model.config.vocabSize : undefined;
  const prompts = randomRows(seed!, batch!, promptLength!, vocabulary);
  // No token ends a completion: all have the same length, as on the other side.
  const options = { maxNewTokens: newTokens!, stopTokens: [], compile: 'xla' as const };
  const sample = (given: object) => generate(model, prompts, { ...options, ...given });
  let calls = 0;
  return jobOf(
    () => sample({ temperature: 0 }),
    async (result) => {
      const { config, params } = model;
      await savePretrained(folder, isSmolLM2 ? { config, params } : model);
      const tokens = result.flatMap((each) => each.tokens);
      const logProbs = result.flatMap((each) => each.logProbs);
      return { check: { tokens, logProbs }, handoff: { work, folder, prompts } };
    },
    () => sample({ seed: calls++ }),
  );
};

/** Loading a folder of float32, and reading every number once, since either side may map the file and read nothing. */
export const prepareLoading: Program = async (_, folder) => {
  const model = await loadWeights(await fetchSmolLM2());
  const names = Object.keys(model.params);
  await savePretrained(folder, model);
  disposeParams(model.params);
  const load = async (): Promise<number[]> => {
    const { params } = await loadWeights(folder);
    const sums = Object.values(params).map((p) => tf.tidy(() => tf.sum(p).dataSync()[0]!));
    disposeParams(params);
    return sums;
  };
  return jobOf(load, (sums) => ({ check: { sums }, handoff: { folder, names } }));
};
