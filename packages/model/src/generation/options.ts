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
import { type GenerationDefaults, type ResolvedGeneration, resolveDefaults } from './defaults.js';
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

const KNOWN = [
  ...['maxNewTokens', 'minNewTokens', 'temperature', 'topK', 'topP', 'processors', 'constraint'],
  ...['stopTokens', 'stopStrings', 'groupSize', 'seed', 'seeds', 'features', 'compile', 'signal'],
  ...['generationDefaults', 'allowPadding'],
] as const satisfies readonly (keyof GenerateOptions)[];

/** Refuses what is no list. */
function checkList(where: string, value: unknown): void {
  if (value === undefined || Array.isArray(value)) return;
  throw new TypeError(`generate: ${where} is ${String(value)}, expected a list`);
}

/** Options whose kind the types say, for callers without types. */
function checkKinds({
  processors = [],
  stopStrings = [],
  stopTokens,
  seeds,
  features = false,
  allowPadding = false,
  compile = false,
  signal,
}: GenerateOptions): void {
  checkList('processors', processors);
  checkList('stopStrings', stopStrings);
  checkList('stopTokens', stopTokens);
  checkList('seeds', seeds);
  processors.forEach((each: Partial<LogitsProcessor> | null, i) => {
    if (typeof each !== 'object' || typeof each?.apply !== 'function') {
      throw new TypeError(
        `generate: processors[${i}] is ${String(each)}, expected what a function as minP(0.1) gives`,
      );
    }
  });
  stopStrings.forEach((text: unknown, i) => {
    if (typeof text !== 'string' || text === '') {
      throw new RangeError(
        `generate: stopStrings[${i}] is ${JSON.stringify(text)}, expected a text that is not empty`,
      );
    }
  });
  for (const [name, value] of Object.entries({ features, allowPadding })) {
    if (typeof value === 'boolean') continue;
    throw new TypeError(`generate: ${name} is ${String(value)}, expected true or false`);
  }
  if (typeof compile !== 'boolean' && compile !== 'xla') {
    throw new TypeError(`generate: compile is ${String(compile)}, expected true, false or "xla"`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`generate: signal is ${String(signal)}, expected an AbortSignal`);
  }
}

/** A constraint is for the tokens of a tokenizer; rows of the embedding beyond them are no text. */
function checkConstraint(constraint: Constraint, { tokenizer, config }: LanguageModel): void {
  if (typeof constraint?.after !== 'function' || typeof constraint.accepts !== 'function') {
    throw new TypeError(
      `generate: constraint is ${String(constraint)}, expected what regexConstraint or jsonConstraint gives`,
    );
  }
  const { length } = constraint.after(constraint.start);
  if (length !== tokenizer.vocabSize && length !== config.vocabSize) {
    throw new RangeError(
      `generate: constraint is for ${length} tokens, expected ${tokenizer.vocabSize} (vocabSize); make it with the model's tokenizer`,
    );
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
  checkOptions('generate', options, KNOWN);
  checkModel(model);
  checkKinds(options);
  checkPromptList('generate', prompts);
  const { tokenizer, config } = model;
  const { vocabSize } = config;
  const resolved = resolveDefaults('generate', model, options);
  const { temperature, topK, topP, stopTokens, stopStrings } = resolved;
  const { maxNewTokens, minNewTokens = 0, groupSize = 1, seed = 0 } = options;
  const { processors = [], constraint, features = false, allowPadding = false } = options;
  checkPositiveInteger('generate: groupSize', groupSize);
  if (prompts.length * groupSize > MOST_COMPLETIONS) {
    throw new RangeError(
      `generate: groupSize is ${groupSize}, expected at most ${MOST_COMPLETIONS} completions of ${prompts.length} prompts`,
    );
  }
  checkSeed('generate: seed', seed);
  const {
    seeds = prompts.flatMap((_, p) =>
      Array.from({ length: groupSize }, (__, i) => fold(seed, p, i)),
    ),
  } = options;
  checkPositiveInteger('generate: maxNewTokens', maxNewTokens);
  checkPositiveInteger('generate: topK', topK);
  checkInRange('generate: temperature', temperature, 0, Number.MAX_VALUE);
  checkInRange('generate: topP', topP, Number.MIN_VALUE, 1);
  if (!Number.isInteger(minNewTokens) || minNewTokens < 0 || minNewTokens > maxNewTokens) {
    throw new RangeError(
      `generate: minNewTokens is ${minNewTokens}, expected an integer in [0, ${maxNewTokens}] (maxNewTokens)`,
    );
  }
  checkTokens('generate: stopTokens', stopTokens, vocabSize);
  for (const { check } of processors) check?.(vocabSize);
  if (constraint !== undefined) checkConstraint(constraint, model);
  seeds.forEach((each, i) => checkSeed(`generate: seeds[${i}]`, each));
  if (seeds.length !== prompts.length * groupSize) {
    throw new RangeError(
      `generate: seeds has ${seeds.length} entries, expected ${prompts.length * groupSize} (prompts * groupSize)`,
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
    ...{ stopStrings, minNewTokens, features },
    maxNewTokens,
    groupSize,
    seeds,
  };
}
