import { between, checkInRange, option } from '@cfrl/engine';

import type { LanguageModel } from './language-model.js';

/** What a model's generation config decides, where options do not. */
export interface ResolvedGeneration {
  /** A completion ends with any of these. */
  readonly stopTokens: readonly number[];
  readonly stopStrings: readonly string[];
  /** 0 takes the most probable token. */
  readonly temperature: number;
  /** The number of rows of the embedding, or more, for every token. */
  readonly topK: number;
  readonly topP: number;
  /** 0 for every token. */
  readonly minP: number;
  /** 1 for every token. */
  readonly typicalP: number;
  /** 1 for none. */
  readonly repetitionPenalty: number;
  /** 0 for any. */
  readonly noRepeatNgrams: number;
}

/** Options that take the place of what the model says. */
export interface GenerationDefaults {
  /** A completion ends with any of these. @defaultValue `eos_token_id` of the model's generation config, else the tokenizer's `endToken` */
  readonly stopTokens?: readonly number[];
  /** A completion ends when its text has one of these, which its text then lacks. @defaultValue [] */
  readonly stopStrings?: readonly string[];
  /** Divides the logits; 0 takes the most probable token. @defaultValue 1 */
  readonly temperature?: number;
  /** Draws among the k most probable tokens only, ties included. @defaultValue every token */
  readonly topK?: number;
  /** Draws among the fewest tokens whose probability reaches this. @defaultValue 1 */
  readonly topP?: number;
  /**
   * Where temperature, top-k and so on come from if they are not given: from the raw policy (temperature 1, every token), or from the
   * model's generation config as in transformers. @defaultValue 'policy'
   */
  readonly generationDefaults?: 'policy' | 'model';
}

type Config = Readonly<Record<string, unknown>>;

/** What transformers would do that is not done here, by its key; and which value asks for nothing. */
const NOT_DONE: Config = {
  num_beams: 1,
  num_beam_groups: 1,
  num_return_sequences: 1,
  penalty_alpha: 0,
  dola_layers: undefined,
  top_h: 1,
  epsilon_cutoff: 0,
  eta_cutoff: 0,
  diversity_penalty: 0,
  encoder_repetition_penalty: 1,
  encoder_no_repeat_ngram_size: 0,
  bad_words_ids: undefined,
  sequence_bias: undefined,
  min_length: 0,
  min_new_tokens: 0,
  guidance_scale: 1,
  suppress_tokens: undefined,
  begin_suppress_tokens: undefined,
  forced_bos_token_id: undefined,
  forced_eos_token_id: undefined,
  exponential_decay_length_penalty: undefined,
  watermarking_config: undefined,
};

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);

function checkDone(where: string, config: Config): void {
  const key = Object.keys(NOT_DONE).find(
    (name) => isSet(config[name]) && config[name] !== false && config[name] !== NOT_DONE[name],
  );
  if (key === undefined) return;
  throw new RangeError(
    `${where}.${key} is ${JSON.stringify(config[key])}, expected none: generate does not do that; leave it out of generationConfig, or generationDefaults: 'policy'`,
  );
}

const positive =
  (expected: string, most = Number.MAX_VALUE) =>
  (where: string, value: unknown): void => {
    if (typeof value === 'number' && value > 0 && value <= most) return;
    throw new RangeError(
      `${where} is ${JSON.stringify(value)}, expected a number above 0${expected}`,
    );
  };

const share = positive(' and at most 1', 1);

function whole(where: string, value: number): void {
  checkInRange(where, value, 0, Number.MAX_SAFE_INTEGER);
  if (!Number.isInteger(value)) {
    throw new RangeError(`${where} is ${value}, expected an integer`);
  }
}

/** Numbers of the file by their keys, with what transformers takes where they are absent. */
const NUMBERS = {
  temperature: option(1, positive('; set do_sample to false for the most probable tokens')),
  top_k: option(50, whole),
  top_p: option(1, share),
  min_p: option(0, between(0, 1)),
  typical_p: option(1, share),
  repetition_penalty: option(1, positive('')),
  no_repeat_ngram_size: option(0, whole),
};

/** The file of the raw policy. */
const POLICY: Config = { do_sample: true, top_k: 0 };

/** Whether transformers would draw tokens, and not take the most probable. */
function draws(where: string, { do_sample: value }: Config): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return value === true;
  throw new RangeError(`${where}.do_sample is ${JSON.stringify(value)}, expected true or false`);
}

/** Tokens that end a completion: those of the generation config, else the one that ends the tokenizer's texts. */
function endTokens(
  where: string,
  { config, tokenizer, generationConfig }: LanguageModel,
): number[] {
  const ends = generationConfig?.['eos_token_id'];
  const all: readonly unknown[] =
    ends === undefined || ends === null
      ? [tokenizer.endToken]
      : Array.isArray(ends)
        ? ends
        : [ends];
  for (const token of all) {
    if (Number.isSafeInteger(token) && (token as number) >= 0) continue;
    throw new RangeError(
      `${where}.eos_token_id is ${JSON.stringify(ends)}, expected a token or a list of tokens; pass stopTokens to decide it yourself`,
    );
  }
  // What has no row in the embedding is never drawn.
  return [...new Set(all as readonly number[])].filter((token) => token < config.vocabSize);
}

function stopStringsOf(where: string, { stop_strings: value }: Config): readonly string[] {
  if (!isSet(value)) return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (all.every((each) => typeof each === 'string' && each !== '')) return all as readonly string[];
  throw new RangeError(
    `${where}.stop_strings is ${JSON.stringify(value)}, expected a text or a list of texts`,
  );
}

/** How transformers would sample by a generation config. */
function ofModel(
  where: string,
  config: Config,
  vocabSize: number,
): Omit<ResolvedGeneration, 'stopTokens'> {
  checkDone(where, config);
  const read = (key: keyof typeof NUMBERS): number => {
    const { value, check } = NUMBERS[key];
    if (!isSet(config[key])) return value;
    check(`${where}.${key}`, config[key] as number);
    return config[key] as number;
  };
  return {
    stopStrings: stopStringsOf(where, config),
    temperature: draws(where, config) ? read('temperature') : 0,
    topK: read('top_k') || vocabSize,
    topP: read('top_p'),
    minP: read('min_p'),
    typicalP: read('typical_p'),
    repetitionPenalty: read('repetition_penalty'),
    noRepeatNgrams: read('no_repeat_ngram_size'),
  };
}

/** As {@link resolveGeneration}, for a function that messages speak of. */
export function resolveDefaults(
  where: string,
  model: LanguageModel,
  options: GenerationDefaults,
): ResolvedGeneration {
  const { generationDefaults = 'policy' } = options;
  if (generationDefaults !== 'policy' && generationDefaults !== 'model') {
    throw new RangeError(
      `${where}: generationDefaults is ${JSON.stringify(generationDefaults)}, expected "policy" or "model"`,
    );
  }
  const { generationConfig = {}, config } = model;
  if (
    typeof generationConfig !== 'object' ||
    generationConfig === null ||
    Array.isArray(generationConfig)
  ) {
    throw new TypeError(
      `${where}: model.generationConfig is ${JSON.stringify(generationConfig)}, expected the record of a generation_config.json`,
    );
  }
  const file = `${where}: model.generationConfig`;
  const said = ofModel(
    file,
    generationDefaults === 'model' ? generationConfig : POLICY,
    config.vocabSize,
  );
  const { stopTokens = endTokens(file, model), stopStrings = said.stopStrings } = options;
  const { temperature = said.temperature, topK = said.topK, topP = said.topP } = options;
  return { ...said, stopTokens, stopStrings, temperature, topK, topP };
}

/**
 * What `generate` takes where options say nothing, for programs that show it. Where completions end comes from the model's
 * generation config (`eos_token_id`, often a list), else it is the token that ends the tokenizer's texts. How tokens are drawn comes from
 * there too if `generationDefaults: 'model'` asks for it, as in transformers: `do_sample`, `temperature`, `top_k`, `top_p`, `min_p`,
 * `typical_p`, `repetition_penalty`, `no_repeat_ngram_size`, `stop_strings`.
 *
 * @param model - as for `generate`
 * @param options - those of `generate` that decide it
 * @returns every value in use
 * @throws RangeError if the generation config has a value that is none, or, where it is asked for, something that `generate` does not do
 * @see https://huggingface.co/docs/transformers/main_classes/text_generation
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const model = {
 *   config, params: {}, tokenizer: charTokenizer('ab'),
 *   generationConfig: { eos_token_id: [3, 1], do_sample: true, temperature: 0.6, top_k: 2 },
 * };
 * resolveGeneration(model).stopTokens; // => [3, 1]
 * const { temperature, topK } = resolveGeneration(model, { generationDefaults: 'model' });
 * [temperature, topK]; // => [0.6, 2]
 * ```
 */
export const resolveGeneration = (
  model: LanguageModel,
  options: GenerationDefaults = {},
): ResolvedGeneration => resolveDefaults('resolveGeneration', model, options);
