import {
  checkInRange,
  checkOptions,
  checkPositiveInteger,
  checkSeed,
  checkTokens,
  fold,
} from '@cfrl/engine';
import type { Params } from '@cfrl/engine';

import { checkParams, infosOf } from '../checkpoint/check-model.js';
import { type ModelConfig, validateConfig } from '../config.js';
import { type ChatMessage, type ChatOptions, applyChatTemplate } from '../chat/apply.js';
import type { PretrainedTokenizer } from '../tokenizer/pretrained.js';
import type { Tokenizer } from '../tokenizer/types.js';
import type { Constraint } from './constraint/constraint.js';
import type { PlainSampling } from './decoding.js';
import { temperature as cool, topK as keepTopK, topP as keepTopP } from './processors/filters.js';
import type { LogitsProcessor } from './processors/processor.js';
import { minNewTokens as forbidStops } from './processors/sequences.js';
import type { Sampling } from './sample-token.js';

/** A model with its tokenizer. */
export interface LanguageModel {
  readonly config: ModelConfig;
  readonly params: Params;
  readonly tokenizer: Tokenizer;
}

/** A conversation with what its template is given besides. */
export interface ChatPrompt extends Pick<
  ChatOptions,
  'tools' | 'documents' | 'template' | 'variables' | 'date'
> {
  readonly messages: readonly ChatMessage[];
}

/**
 * What is completed: a text, which gets the special tokens that its tokenizer begins texts with; tokens, as they are; or a
 * conversation, by the tokenizer's chat template, which ends where the assistant's message begins.
 */
export type Prompt = string | readonly number[] | readonly ChatMessage[] | ChatPrompt;

/** Options of {@link generate} and {@link generateStream}. */
export interface GenerateOptions {
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
  /** A completion ends with any of these. @defaultValue [tokenizer.endToken] */
  readonly stopTokens?: readonly number[];
  /** A completion ends when its text has one of these, which its text then lacks. @defaultValue [] */
  readonly stopStrings?: readonly string[];
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
  /** Stops between two tokens; the call throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A request whose every part has been checked. */
export interface GenerationPlan {
  readonly prompts: readonly { readonly text: string; readonly tokens: readonly number[] }[];
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

const isTokens = (prompt: Prompt): prompt is readonly number[] =>
  Array.isArray(prompt) && typeof prompt[0] !== 'object';

/** A prompt as the model reads it, and as people do. */
export function readPrompt(
  tokenizer: Tokenizer,
  prompt: Prompt,
  where: string,
  vocabSize: number,
): { text: string; tokens: number[] } {
  // As the model's texts begin: a Llama that does not see its start token writes something else.
  if (typeof prompt === 'string') {
    return { text: prompt, tokens: tokenizer.encode(prompt, { addSpecialTokens: true }) };
  }
  if (isTokens(prompt)) {
    checkTokens(where, prompt, vocabSize);
    return { text: tokenizer.decode(prompt), tokens: [...prompt] };
  }
  const { messages, ...options } = 'messages' in prompt ? prompt : { messages: prompt };
  return applyChatTemplate(tokenizer as PretrainedTokenizer, messages, {
    ...options,
    addGenerationPrompt: true,
  });
}

function promptTokens(
  { config, tokenizer }: LanguageModel,
  prompt: Prompt,
  where: string,
  maxNewTokens: number,
): { text: string; tokens: readonly number[] } {
  const { text, tokens } = readPrompt(tokenizer, prompt, where, config.vocabSize);
  if (tokens.length === 0) {
    throw new RangeError(`${where} is empty, expected at least one token`);
  }
  checkTokens(where, tokens, config.vocabSize);
  if (tokens.length + maxNewTokens > config.maxPositions) {
    throw new RangeError(
      `${where} has ${tokens.length} tokens, expected at most ${config.maxPositions - maxNewTokens} (maxPositions ${config.maxPositions} - maxNewTokens ${maxNewTokens})`,
    );
  }
  checkTurning(config, where, tokens.length, maxNewTokens);
  return { text, tokens };
}

/** Keys in a cache were turned by the factors of their length: a completion must not change them. */
function checkTurning(
  { ropeScaling }: ModelConfig,
  where: string,
  length: number,
  maxNewTokens: number,
): void {
  if (ropeScaling?.type !== 'longrope') return;
  const { originalPositions: short } = ropeScaling;
  if (length <= short && length + maxNewTokens - 1 > short) {
    throw new RangeError(
      `${where} has ${length} tokens and ${maxNewTokens} may follow, expected at most ${short} read in all, or more in the prompt already: longrope turns by other factors past ${short}; lower maxNewTokens to ${short - length + 1}`,
    );
  }
}

/** More at once are a mistake. */
const MOST_COMPLETIONS = 1_000_000;

const KNOWN = [
  ...['maxNewTokens', 'minNewTokens', 'temperature', 'topK', 'topP', 'processors', 'constraint'],
  ...['stopTokens', 'stopStrings', 'groupSize', 'seed', 'seeds', 'features', 'compile', 'signal'],
] as const satisfies readonly (keyof GenerateOptions)[];

/** Options whose kind the types say, for callers without types. */
function checkKinds({
  processors = [],
  stopStrings = [],
  features = false,
  compile = false,
  signal,
}: GenerateOptions): void {
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
  if (typeof features !== 'boolean') {
    throw new TypeError(`generate: features is ${String(features)}, expected true or false`);
  }
  if (typeof compile !== 'boolean' && compile !== 'xla') {
    throw new TypeError(`generate: compile is ${String(compile)}, expected true, false or "xla"`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`generate: signal is ${String(signal)}, expected an AbortSignal`);
  }
}

function checkPrompts(prompts: readonly Prompt[]): void {
  if (!Array.isArray(prompts)) {
    throw new TypeError(
      `generate: prompts is ${typeof prompts}, expected a list of prompts; put a single one in brackets`,
    );
  }
  prompts.forEach((prompt: unknown, p) => {
    if (typeof prompt === 'string' || Array.isArray(prompt)) return;
    if (Array.isArray((prompt as { messages?: unknown } | null)?.messages)) return;
    throw new TypeError(
      `generate: prompts[${p}] is ${String(prompt)}, expected a text, a list of tokens, or messages; prompts is a list of those`,
    );
  });
}

function checkConstraint({ after, start }: Constraint, vocabSize: number): void {
  const { length } = after(start);
  if (length !== vocabSize) {
    throw new RangeError(
      `generate: constraint is for ${length} tokens, expected ${vocabSize} (vocabSize); make it with the model's tokenizer`,
    );
  }
}

/** Checks a request completely, before any tensor exists. */
export function planGeneration(
  model: LanguageModel,
  prompts: readonly Prompt[],
  options: GenerateOptions,
): GenerationPlan {
  checkOptions('generate', options, KNOWN);
  validateConfig(model.config);
  // A policy's parameters may come with those of its critic.
  checkParams('generate', model.config, infosOf(model.params), true);
  const { vocabSize } = model.config;
  const {
    maxNewTokens,
    minNewTokens = 0,
    temperature = 1,
    topK = vocabSize,
    topP = 1,
    processors = [],
    constraint,
    stopTokens = [model.tokenizer.endToken],
    stopStrings = [],
    groupSize = 1,
    seed = 0,
    features = false,
  } = options;
  checkKinds(options);
  checkPrompts(prompts);
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
  if (model.tokenizer.vocabSize !== vocabSize) {
    throw new RangeError(
      `generate: tokenizer has ${model.tokenizer.vocabSize} tokens, expected ${vocabSize} (vocabSize)`,
    );
  }
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
  if (constraint) checkConstraint(constraint, vocabSize);
  seeds.forEach((each, i) => checkSeed(`generate: seeds[${i}]`, each));
  if (seeds.length !== prompts.length * groupSize) {
    throw new RangeError(
      `generate: seeds has ${seeds.length} entries, expected ${prompts.length * groupSize} (prompts * groupSize)`,
    );
  }
  const stops = new Set(stopTokens);
  const changing = [
    ...(minNewTokens > 0 && stopTokens.length > 0 ? [forbidStops(minNewTokens, stopTokens)] : []),
    ...processors,
  ];
  const filters = [
    ...(topK < vocabSize ? [keepTopK(topK)] : []),
    ...(topP < 1 ? [keepTopP(topP)] : []),
  ];
  const cooling = temperature === 0 || temperature === 1 ? [] : [cool(temperature)];
  const greedy = temperature === 0;
  return {
    prompts: prompts.map((prompt, p) =>
      promptTokens(model, prompt, `generate: prompts[${p}]`, maxNewTokens),
    ),
    sampling: { greedy, processors: [...changing, ...(greedy ? [] : [...cooling, ...filters])] },
    ...(changing.length === 0 && !constraint && { plain: { temperature, topK, topP } }),
    ...(constraint && { constraint }),
    stopTokens: stops,
    ...{ stopStrings, minNewTokens, features },
    maxNewTokens,
    groupSize,
    seeds,
  };
}
