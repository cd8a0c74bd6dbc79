import {
  type Option,
  type Resolved,
  between,
  checkPositiveInteger,
  checkSeed,
  checkTokens,
  fold,
  option,
  resolveOptions,
} from '@cfrl/engine';

import { checkParams, infosOf } from '../checkpoint/check-params.js';
import { checkValue } from '../check-value.js';
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
  /**
   * What else changes the distribution, in this order, before temperature, top-k and top-p. For another order these can stand
   * here too, by the functions of their names. @defaultValue []
   */
  readonly processors?: readonly LogitsProcessor[];
  /** What texts may be written, before all processors: {@link regexConstraint}, {@link jsonConstraint}. @defaultValue any text */
  readonly constraint?: Constraint;
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

/** More at once are a mistake. */
const MOST_COMPLETIONS = 1_000_000;

const expects =
  (expected: string, fits: (value: unknown) => boolean) =>
  (where: string, value: unknown): void => {
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
  <T>(check: (where: string, value: T) => unknown) =>
  (where: string, value: readonly T[]): void => {
    list(where, value);
    value.forEach((each, i) => check(`${where}[${i}]`, each));
  };

/** An option that has no value where it is not given. */
const optional = <K extends keyof GenerateOptions>(
  check?: Option<GenerateOptions[K] | undefined>['check'],
) => ({ value: undefined as GenerateOptions[K], check: check ?? (() => undefined) });

/** Every option with its default, and what refuses its wrong values. */
const optionsFor = ({ config, tokenizer }: LanguageModel) => ({
  maxNewTokens: option(undefined as unknown as number, checkPositiveInteger),
  minNewTokens: option(0),
  temperature: optional<'temperature'>(between(0, Number.MAX_VALUE)),
  topK: optional<'topK'>(checkPositiveInteger),
  topP: optional<'topP'>(between(Number.MIN_VALUE, 1)),
  processors: option<readonly LogitsProcessor[]>(
    [],
    listOf((where, value: LogitsProcessor) => {
      processor(where, value);
      value.check?.(config.vocabSize);
    }),
  ),
  constraint: optional<'constraint'>((where, value) => {
    constraint(where, value);
    // Rows of the embedding beyond the tokenizer's tokens are no text.
    const { length } = value.after(value.start);
    if (length === tokenizer.vocabSize || length === config.vocabSize) return;
    throw new RangeError(
      `${where} is for ${length} tokens, expected ${tokenizer.vocabSize} (vocabSize); make it with the model's tokenizer`,
    );
  }),
  stopTokens: optional<'stopTokens'>((where, value) => {
    list(where, value);
    checkTokens(where, value, config.vocabSize);
  }),
  stopStrings: optional<'stopStrings'>(
    listOf((where, value: unknown) =>
      checkValue(
        where,
        value,
        typeof value === 'string' && value !== '',
        'a text that is not empty',
      ),
    ),
  ),
  groupSize: option(1, checkPositiveInteger),
  seed: option(0, checkSeed),
  seeds: optional<'seeds'>(listOf(checkSeed)),
  features: option(false, boolean),
  compile: optional<'compile'>(
    expects('true, false or "xla"', (value) => typeof value === 'boolean' || value === 'xla'),
  ),
  signal: optional<'signal'>(expects('an AbortSignal', (value) => value instanceof AbortSignal)),
  generationDefaults: optional<'generationDefaults'>(),
  allowPadding: option(false, boolean),
});

type Options = Resolved<ReturnType<typeof optionsFor>>;

/** A request whose every part has been checked. */
export interface GenerationPlan extends Omit<Options, 'stopTokens' | 'stopStrings' | 'seeds'> {
  readonly prompts: readonly EncodedPrompt[];
  /** What changes the distribution, in the order in which it is applied; `greedy` takes the most probable token then. */
  readonly sampling: Sampling;
  /** If nothing else changes the distribution. */
  readonly plain: PlainSampling | undefined;
  readonly stopTokens: ReadonlySet<number>;
  readonly stopStrings: readonly string[];
  /** `[prompts * groupSize]`, prompt after prompt. */
  readonly seeds: readonly number[];
}

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

const present = (processors: readonly (LogitsProcessor | false)[]): LogitsProcessor[] =>
  processors.filter((each) => each !== false);

/** What changes the distribution: before temperature, and from it on. */
function processorsOf(
  { minNewTokens, processors }: Options,
  { stopTokens, temperature, topK, topP, ...more }: ResolvedGeneration,
  drawable: number,
) {
  const { repetitionPenalty: penalty, noRepeatNgrams: n } = more;
  const changing = present([
    minNewTokens > 0 && stopTokens.length > 0 && forbidStops(minNewTokens, stopTokens),
    penalty !== 1 && repetitionPenalty(penalty),
    n !== 0 && noRepeatNgrams(n),
    ...processors,
  ]);
  if (temperature === 0) return { changing, filters: [] };
  const filters = present([
    temperature !== 1 && cool(temperature),
    topK < drawable && keepTopK(topK),
    topP < 1 && keepTopP(topP),
    more.minP > 0 && minP(more.minP),
    more.typicalP < 1 && typicalP(more.typicalP),
  ]);
  return { changing, filters };
}

/** Checks a request completely, before any tensor exists. */
export function planGeneration(
  model: LanguageModel,
  prompts: readonly Prompt[],
  given: GenerateOptions,
): GenerationPlan {
  checkModel(model);
  const options = resolveOptions('generate', given, optionsFor(model));
  const { maxNewTokens, minNewTokens, groupSize, seed, constraint, allowPadding } = options;
  checkPositiveInteger('generate: maxNewTokens', maxNewTokens);
  if (!(Number.isInteger(minNewTokens) && minNewTokens >= 0 && minNewTokens <= maxNewTokens)) {
    throw new RangeError(
      `generate: minNewTokens is ${minNewTokens}, expected an integer in [0, ${maxNewTokens}] (maxNewTokens)`,
    );
  }
  checkPromptList('generate', prompts);
  const { tokenizer, config } = model;
  const { vocabSize } = config;
  const resolved = resolveDefaults('generate', model, given);
  const { temperature, topK, topP, stopTokens, stopStrings } = resolved;
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
  const isPlain =
    changing.length === 0 &&
    constraint === undefined &&
    resolved.minP === 0 &&
    resolved.typicalP === 1 &&
    stopTokens.every((token) => token < drawable);
  return {
    ...options,
    prompts: encodePrompts(model, prompts, maxNewTokens, 'generate'),
    sampling: { greedy: temperature === 0, processors: [...masked, ...changing, ...filters] },
    plain: isPlain ? { temperature, topK, topP, drawable } : undefined,
    stopTokens: stops,
    stopStrings,
    seeds,
  };
}
