import {
  checkInRange,
  checkOptions,
  checkPositiveInteger,
  checkSeed,
  checkTokens,
  fold,
} from '@cfrl/engine';

import { checkParams, infosOf } from '../checkpoint/check-params.js';
import { validateConfig } from '../config/config.js';
import type { Constraint } from './constraint/constraint.js';
import type { PlainSampling } from './decoding.js';
import {
  type GenerationDefaults,
  type ResolvedGeneration,
  checkGenerationDefaults,
  resolveDefaults,
} from './defaults.js';
import type { LanguageModel } from './language-model.js';
import {
  minP,
  temperature as cool,
  topK as keepTopK,
  topP as keepTopP,
  typicalP,
} from './processors/filters.js';
import { repetitionPenalty } from './processors/penalties.js';
import { type LogitsProcessor, keep } from './processors/processor.js';
import { minNewTokens as forbidStops, noRepeatNgrams } from './processors/sequences.js';
import { type EncodedPrompt, type Prompt, checkPromptList, encodePrompts } from './prompts.js';
import type { Sampling } from './sample-token.js';

/** Options of {@link generate} and {@link generateStream}. */
export interface GenerateOptions extends GenerationDefaults {
  /** Longest completion in tokens, the stop token included. */
  readonly maxNewTokens: number;
  /** Divides the logits; 0 takes the most probable token. @defaultValue 1 */
  readonly temperature?: number;
  /** Draws among the k most probable tokens only, ties included. @defaultValue every token */
  readonly topK?: number;
  /** Draws among the fewest tokens whose probability reaches this. @defaultValue 1 */
  readonly topP?: number;
  /**
   * What else changes the distribution, in this order, before temperature, top-k and top-p. For another order these can stand
   * here too, by the functions of their names. @defaultValue []
   */
  readonly processors?: readonly LogitsProcessor[];
  /** What texts may be written, before all processors: {@link regexConstraint}, {@link jsonConstraint}. @defaultValue any text */
  readonly constraint?: Constraint;
  /** A completion ends with any of these. @defaultValue `eos_token_id` of the model's generation config, else the tokenizer's `endToken` */
  readonly stopTokens?: readonly number[];
  /** A completion ends when its text has one of these, which its text then lacks. @defaultValue [] */
  readonly stopStrings?: readonly string[];
  /**
   * Whether rows of the embedding beyond the tokenizer's tokens may be drawn too; they decode to nothing. Stop tokens always may.
   * @defaultValue false
   */
  readonly allowPadding?: boolean;
  /** Before so many tokens no stop token is drawn, and no stop string ends a completion. @defaultValue 0 */
  readonly minNewTokens?: number;
  /** Whether completions have the features of their tokens. @defaultValue false */
  readonly features?: boolean;
  /** `G`, completions a prompt. @defaultValue 1 */
  readonly groupSize?: number;
  /** Completion `i` of prompt `p` draws from the stream `fold(seed, p, i)`. @defaultValue 0 */
  readonly seed?: number;
  /** One seed a completion, in the order of the result, instead of those made from `seed`. */
  readonly seeds?: readonly number[];
  /**
   * Whether each step runs as one graph, where the backend has graphs: several times faster, after about a second for each
   * new size of a batch. `'xla'` compiles it to machine code: faster yet, after some seconds. @defaultValue false
   */
  readonly compile?: boolean | 'xla';
  /** Stops between two calls into native code, each of at most 16 tokens; the call throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A request whose every part has been checked. */
export interface GenerationPlan {
  readonly prompts: readonly EncodedPrompt[];
  readonly sampling: Sampling;
  /** If nothing else changes the distribution. */
  readonly plain?: PlainSampling;
  readonly constraint?: Constraint;
  readonly stopTokens: ReadonlySet<number>;
  readonly stopStrings: readonly string[];
  readonly minNewTokens: number;
  readonly maxNewTokens: number;
  readonly features: boolean;
  readonly groupSize: number;
  /** `[prompts * groupSize]`, prompt after prompt. */
  readonly seeds: readonly number[];
}

/** More at once are a mistake. */
const MOST_COMPLETIONS = 1_000_000;

/** Refuses a wrong value; `where` is `generate: option`. */
type Check<T> = (where: string, value: T, options: GenerateOptions, model: LanguageModel) => void;

const expects =
  (expected: string, fits: (value: unknown) => boolean): Check<unknown> =>
  (where, value) => {
    if (!fits(value)) throw new TypeError(`${where} is ${String(value)}, expected ${expected}`);
  };

const boolean = expects('true or false', (value) => typeof value === 'boolean');
const list = expects('a list', Array.isArray);
const processor = expects(
  'what a function as minP(0.1) gives',
  (value) =>
    typeof value === 'object' && typeof (value as LogitsProcessor | null)?.apply === 'function',
);
const constraint = expects('what regexConstraint or jsonConstraint gives', (value) => {
  const { after, accepts } = (value ?? {}) as Constraint;
  return typeof after === 'function' && typeof accepts === 'function';
});

const listOf =
  <T>(check: Check<T>): Check<readonly T[]> =>
  (where, value, ...rest) => {
    list(where, value, ...rest);
    value.forEach((each, i) => check(`${where}[${i}]`, each, ...rest));
  };

/** Every option, and what refuses its wrong values. */
const CHECKS: { readonly [K in keyof GenerateOptions]-?: Check<NonNullable<GenerateOptions[K]>> } =
  {
    maxNewTokens: checkPositiveInteger,
    minNewTokens: (where, value, { maxNewTokens }) => {
      if (Number.isInteger(value) && value >= 0 && value <= maxNewTokens) return;
      throw new RangeError(
        `${where} is ${value}, expected an integer in [0, ${maxNewTokens}] (maxNewTokens)`,
      );
    },
    temperature: (where, value) => checkInRange(where, value, 0, Number.MAX_VALUE),
    topK: checkPositiveInteger,
    topP: (where, value) => checkInRange(where, value, Number.MIN_VALUE, 1),
    processors: listOf((where, value, options, model) => {
      processor(where, value, options, model);
      value.check?.(model.config.vocabSize);
    }),
    constraint: (where, value, options, model) => {
      constraint(where, value, options, model);
      // Rows of the embedding beyond the tokenizer's tokens are no text.
      const { length } = value.after(value.start);
      const { vocabSize } = model.tokenizer;
      if (length === vocabSize || length === model.config.vocabSize) return;
      throw new RangeError(
        `${where} is for ${length} tokens, expected ${vocabSize} (vocabSize); make it with the model's tokenizer`,
      );
    },
    stopTokens: (where, value, options, model) => {
      list(where, value, options, model);
      checkTokens(where, value, model.config.vocabSize);
    },
    stopStrings: listOf((where, value: unknown) => {
      if (typeof value === 'string' && value !== '') return;
      throw new RangeError(
        `${where} is ${JSON.stringify(value)}, expected a text that is not empty`,
      );
    }),
    groupSize: checkPositiveInteger,
    seed: checkSeed,
    seeds: listOf(checkSeed),
    features: boolean,
    compile: expects(
      'true, false or "xla"',
      (value) => typeof value === 'boolean' || value === 'xla',
    ),
    signal: expects('an AbortSignal', (value) => value instanceof AbortSignal),
    generationDefaults: checkGenerationDefaults,
    allowPadding: boolean,
  };

/** Refuses unknown options and wrong values. */
function checkAll(options: GenerateOptions, model: LanguageModel): void {
  checkOptions('generate', options, Object.keys(CHECKS));
  checkModel(model);
  for (const [name, check] of Object.entries(CHECKS) as [keyof GenerateOptions, Check<unknown>][]) {
    const value = options[name];
    if (value === undefined && name !== 'maxNewTokens') continue;
    check(`generate: ${name}`, value, options, model);
  }
}

/** Refuses what is no model with a tokenizer. */
function checkModel(model: Partial<LanguageModel> | null | undefined): void {
  for (const part of ['config', 'params', 'tokenizer'] as const) {
    if (typeof model?.[part] === 'object' && model[part] !== null) continue;
    throw new TypeError(
      `generate: model${model ? `.${part}` : ''} is ${String(model?.[part])}, expected ` +
        (part === 'tokenizer' && model
          ? 'a tokenizer; load the model with one, or take charTokenizer, byteTokenizer or tokenizerFromFiles'
          : 'what loadPretrained gives, or { config, params, tokenizer }'),
    );
  }
  const { config, params } = model as LanguageModel;
  validateConfig(config);
  // A policy's parameters may come with those of its critic.
  checkParams('generate', config, infosOf(params), true);
  const freed = Object.keys(params).find((name) => params[name]!.isDisposed);
  if (freed !== undefined) {
    throw new RangeError(
      `generate: model.params['${freed}'] has been disposed, expected a tensor that is there; free a model after its last use`,
    );
  }
}

/** Keeps the tokens that the tokenizer has, and those that end a completion. */
const known = (count: number, stopTokens: ReadonlySet<number>): LogitsProcessor => ({
  name: 'vocabulary',
  apply: (logits) => keep(logits, (token) => token < count || stopTokens.has(token)),
});

/** What changes the distribution: before temperature, and from it on. */
function processorsOf(
  { minNewTokens = 0, processors = [] }: GenerateOptions,
  { stopTokens, temperature, topK, topP, ...more }: ResolvedGeneration,
  drawable: number,
): { readonly changing: LogitsProcessor[]; readonly filters: LogitsProcessor[] } {
  const { repetitionPenalty: penalty, noRepeatNgrams: n } = more;
  return {
    changing: [
      ...(minNewTokens > 0 && stopTokens.length > 0 ? [forbidStops(minNewTokens, stopTokens)] : []),
      ...(penalty === 1 ? [] : [repetitionPenalty(penalty)]),
      ...(n === 0 ? [] : [noRepeatNgrams(n)]),
      ...processors,
    ],
    filters:
      temperature === 0
        ? []
        : [
            ...(temperature === 1 ? [] : [cool(temperature)]),
            ...(topK < drawable ? [keepTopK(topK)] : []),
            ...(topP < 1 ? [keepTopP(topP)] : []),
            ...(more.minP > 0 ? [minP(more.minP)] : []),
            ...(more.typicalP < 1 ? [typicalP(more.typicalP)] : []),
          ],
  };
}

/** Checks a request completely, before any tensor exists. */
export function planGeneration(
  model: LanguageModel,
  prompts: readonly Prompt[],
  options: GenerateOptions,
): GenerationPlan {
  checkAll(options, model);
  checkPromptList('generate', prompts);
  const { tokenizer, config } = model;
  const { vocabSize } = config;
  const resolved = resolveDefaults('generate', model, options);
  const { temperature, topK, topP, stopTokens, stopStrings } = resolved;
  const { maxNewTokens, minNewTokens = 0, groupSize = 1, seed = 0, constraint } = options;
  const { features = false, allowPadding = false } = options;
  const completions = prompts.length * groupSize;
  if (completions > MOST_COMPLETIONS) {
    throw new RangeError(
      `generate: groupSize is ${groupSize}, expected at most ${MOST_COMPLETIONS} completions of ${prompts.length} prompts`,
    );
  }
  const seeds =
    options.seeds ??
    Array.from({ length: completions }, (_, i) =>
      fold(seed, Math.floor(i / groupSize), i % groupSize),
    );
  if (seeds.length !== completions) {
    throw new RangeError(
      `generate: seeds has ${seeds.length} entries, expected ${completions} (prompts * groupSize)`,
    );
  }
  const stops = new Set(stopTokens);
  const drawable = allowPadding ? vocabSize : Math.min(vocabSize, tokenizer.vocabSize);
  const masked = drawable < vocabSize ? [known(drawable, stops)] : [];
  const { changing, filters } = processorsOf(options, resolved, drawable);
  // In a graph the first rows can be drawn among, and filters be these.
  const plain =
    changing.length === 0 &&
    constraint === undefined &&
    resolved.minP === 0 &&
    resolved.typicalP === 1 &&
    stopTokens.every((token) => token < drawable);
  return {
    prompts: encodePrompts(model, prompts, maxNewTokens, 'generate'),
    sampling: { greedy: temperature === 0, processors: [...masked, ...changing, ...filters] },
    ...(plain && { plain: { temperature, topK, topP, drawable } }),
    ...(constraint && { constraint }),
    stopTokens: stops,
    stopStrings,
    minNewTokens,
    maxNewTokens,
    features,
    groupSize,
    seeds,
  };
}
