import { between, checkInRange, option } from '@cfrl/engine';

import { checkValue, oneOf } from '../check-value.js';
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

/** What transformers would do that is not done here, by the value of each key that asks for nothing. */
const NOT_DONE: readonly (readonly [neutral: unknown, keys: string])[] = [
  [
    1,
    'num_beams num_beam_groups num_return_sequences top_h encoder_repetition_penalty guidance_scale',
  ],
  [0, 'penalty_alpha epsilon_cutoff eta_cutoff diversity_penalty encoder_no_repeat_ngram_size'],
  [0, 'min_length min_new_tokens'],
  [undefined, 'dola_layers bad_words_ids sequence_bias suppress_tokens begin_suppress_tokens'],
  [undefined, 'forced_bos_token_id forced_eos_token_id exponential_decay_length_penalty'],
  [undefined, 'watermarking_config'],
];

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);

const positive =
  (expected: string, most = Number.MAX_VALUE) =>
  (where: string, value: unknown): void => {
    const fits = typeof value === 'number' && value > 0 && value <= most;
    checkValue(where, value, fits, `a number above 0${expected}`);
  };

const share = positive(' and at most 1', 1);

function whole(where: string, value: number): void {
  checkInRange(where, value, 0, Number.MAX_SAFE_INTEGER);
  checkValue(where, value, Number.isInteger(value), 'an integer');
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

/** Tokens that end a completion: those of the generation config, else the one that ends the tokenizer's texts. */
function endTokens(
  where: string,
  { config, tokenizer, generationConfig }: LanguageModel,
): number[] {
  const ends = generationConfig?.['eos_token_id'] ?? tokenizer.endToken;
  const all = [ends].flat() as unknown[] as readonly number[];
  checkValue(
    `${where}.eos_token_id`,
    ends,
    all.every((token) => Number.isSafeInteger(token) && token >= 0),
    'a token or a list of tokens; pass stopTokens to decide it yourself',
  );
  // What has no row in the embedding is never drawn.
  return [...new Set(all)].filter((token) => token < config.vocabSize);
}

/** How transformers would sample by a generation config. */
function ofModel(
  where: string,
  config: Config,
  vocabSize: number,
): Omit<ResolvedGeneration, 'stopTokens'> {
  for (const [neutral, keys] of NOT_DONE) {
    for (const key of keys.split(' ')) {
      checkValue(
        `${where}.${key}`,
        config[key],
        !isSet(config[key]) || config[key] === false || config[key] === neutral,
        "none: generate does not do that; leave it out of generationConfig, or generationDefaults: 'policy'",
      );
    }
  }
  const { do_sample: draws, stop_strings: stops } = config;
  const stopStrings = isSet(stops) ? ([stops].flat() as readonly string[]) : [];
  const areTexts = stopStrings.every((each) => typeof each === 'string' && each !== '');
  checkValue(`${where}.stop_strings`, stops, areTexts, 'a text or a list of texts');
  checkValue(`${where}.do_sample`, draws, typeof (draws ?? true) === 'boolean', 'true or false');
  const read = (key: keyof typeof NUMBERS): number => {
    const { value, check } = NUMBERS[key];
    if (!isSet(config[key])) return value;
    check(`${where}.${key}`, config[key] as number);
    return config[key] as number;
  };
  return {
    stopStrings,
    temperature: draws === true ? read('temperature') : 0,
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
  oneOf('policy', 'model')(`${where}: generationDefaults`, generationDefaults);
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
