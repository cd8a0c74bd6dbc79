import type { Params } from '@cfrl/engine';

import type { ModelConfig } from '../config/types.js';
import type { Tokenizer } from '../tokenizer/types.js';

/** A model with its tokenizer. */
export interface LanguageModel {
  readonly config: ModelConfig;
  readonly params: Params;
  /**
   * It may have fewer tokens than the embedding has rows, which are then never drawn unless asked for; or more, which the model
   * cannot read.
   */
  readonly tokenizer: Tokenizer;
  /** The parsed `generation_config.json`, as `loadPretrained` returns it: where completions end, and how the model is meant to be sampled. */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
}
