import {
  type Architecture,
  type LanguageModel,
  type ModelConfigOptions,
  charTokenizer,
  initParams,
  modelConfig,
} from '@cfrl/model';
import { type CharacterTask, addition } from '@cfrl/recipes';

/** One-digit addition with few held-out problems, and a reward that a fresh model often gets. */
export const task: CharacterTask = {
  ...addition({ digits: 1, heldOut: 20 }),
  reward: (text) => (text.startsWith('1') || text.startsWith('7') || text.endsWith('+') ? 1 : 0),
};

/** A fresh model of a few thousand parameters; the caller owns its parameters. */
export function tinyModel(
  seed = 0,
  {
    architecture = 'llama' as Architecture,
    tiedEmbeddings = false,
    initializerRange = 0.2,
    ...variation
  }: Partial<ModelConfigOptions> = {},
): LanguageModel {
  const tokenizer = charTokenizer(task.alphabet);
  const config = modelConfig({
    architecture,
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 8,
    layers: 1,
    heads: 2,
    maxPositions: 8,
    tiedEmbeddings,
    initializerRange,
    ...variation,
  });
  return { config, params: initParams(config, seed), tokenizer };
}
