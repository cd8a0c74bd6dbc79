import { checkInRange } from '@cfrl/engine';

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
export interface GenerationDefaults extends Partial<
  Pick<ResolvedGeneration, 'stopTokens' | 'stopStrings' | 'temperature' | 'topK' | 'topP'>
> {
  /**
   * Where temperature, top-k and so on come from if they are not given: from the raw policy (temperature 1, every token), or from the
   * model's generation config as in transformers. @defaultValue 'policy'
   */
  readonly generationDefaults?: 'policy' | 'model';
}

type Config = Readonly<Record<string, unknown>>;

/** What transformers would do that is not done here, by its key; and which values ask for nothing. */
const NOT_DONE: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  num_beam_groups: [1],
  num_return_sequences: [1],
  penalty_alpha: [0],
  dola_layers: [],
  top_h: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  diversity_penalty: [0],
  encoder_repetition_penalty: [1],
  encoder_no_repeat_ngram_size: [0],
  bad_words_ids: [],
  sequence_bias: [],
  min_length: [0],
  min_new_tokens: [0],
  guidance_scale: [1],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  exponential_decay_length_penalty: [],
  watermarking_config: [],
};

/** Whether a key says something. */
const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);

function checkDone(where: string, config: Config): void {
  const key = Object.keys(NOT_DONE).find(
    (name) =>
      isSet(config[name]) && config[name] !== false && !NOT_DONE[name]!.includes(config[name]),
  );
  if (key === undefined) return;
  throw new RangeError(
    `${where}.${key} is ${JSON.stringify(config[key])}, expected none: generate does not do that; leave it out of generationConfig, or generationDefaults: 'policy'`,
  );
}

/** A number of the generation config, or what transformers takes where there is none. */
function numberOf(
  where: string,
  config: Config,
  key: string,
  otherwise: number,
  [low, high]: readonly [number, number],
): number {
  const value = config[key];
  if (!isSet(value)) return otherwise;
  return checkInRange(`${where}.${key}`, value as number, low, high);
}

/** A number above 0, and at most 1 where it is a share. */
function positive(
  where: string,
  config: Config,
  key: string,
  mend = '',
  most = Number.MAX_VALUE,
): number {
  const value = config[key];
  if (!isSet(value)) return 1;
  if (typeof value === 'number' && value > 0 && value <= most) return value;
  throw new RangeError(
    `${where}.${key} is ${JSON.stringify(value)}, expected a number above 0${most === 1 ? ' and at most 1' : ''}${mend}`,
  );
}

/** Whether transformers would draw tokens, and not take the most probable. */
function draws(where: string, { do_sample: value }: Config): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return value === true;
  throw new RangeError(`${where}.do_sample is ${JSON.stringify(value)}, expected true or false`);
}

function whole(where: string, config: Config, key: string, otherwise: number): number {
  const value = numberOf(where, config, key, otherwise, [0, Number.MAX_SAFE_INTEGER]);
  if (Number.isInteger(value)) return value;
  throw new RangeError(`${where}.${key} is ${value}, expected an integer`);
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
  return {
    stopStrings: stopStringsOf(where, config),
    temperature: draws(where, config)
      ? positive(
          where,
          config,
          'temperature',
          '; set do_sample to false for the most probable tokens',
        )
      : 0,
    // Of transformers, where the file says nothing.
    topK: whole(where, config, 'top_k', 50) || vocabSize,
    topP: positive(where, config, 'top_p', '', 1),
    minP: numberOf(where, config, 'min_p', 0, [0, 1]),
    typicalP: positive(where, config, 'typical_p', '', 1),
    repetitionPenalty: positive(where, config, 'repetition_penalty'),
    noRepeatNgrams: whole(where, config, 'no_repeat_ngram_size', 0),
  };
}

/** Refuses what is neither of the two. */
export function checkGenerationDefaults(where: string, value: unknown): void {
  if (value === 'policy' || value === 'model') return;
  throw new RangeError(`${where} is ${JSON.stringify(value)}, expected "policy" or "model"`);
}

/** As {@link resolveGeneration}, for a function that messages speak of. */
export function resolveDefaults(
  where: string,
  model: LanguageModel,
  options: GenerationDefaults,
): ResolvedGeneration {
  const { generationDefaults = 'policy' } = options;
  checkGenerationDefaults(`${where}: generationDefaults`, generationDefaults);
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
  const said =
    generationDefaults === 'model'
      ? ofModel(file, generationConfig, config.vocabSize)
      : {
          stopStrings: [],
          temperature: 1,
          topK: config.vocabSize,
          topP: 1,
          minP: 0,
          typicalP: 1,
          repetitionPenalty: 1,
          noRepeatNgrams: 0,
        };
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
