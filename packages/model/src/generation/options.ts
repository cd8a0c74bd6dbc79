import { checkInRange, checkPositiveInteger, checkSeed, fold } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';

import type { ModelConfig } from '../config.js';
import type { Tokenizer } from '../tokenizer/types.js';

/** A model with its tokenizer. */
export interface LanguageModel {
  readonly config: ModelConfig;
  readonly params: Params;
  readonly tokenizer: Tokenizer;
}

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
  /** A completion ends with any of these. @defaultValue [tokenizer.endToken] */
  readonly stopTokens?: readonly number[];
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

/** How a token is drawn. */
export interface SamplingOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}

/** A request whose every part has been checked. */
export interface GenerationPlan {
  readonly prompts: readonly { readonly text: string; readonly tokens: readonly number[] }[];
  readonly sampling: SamplingOptions;
  readonly stopTokens: ReadonlySet<number>;
  readonly maxNewTokens: number;
  readonly groupSize: number;
  /** `[prompts * groupSize]`, prompt after prompt. */
  readonly seeds: readonly number[];
}

function promptTokens(
  { config, tokenizer }: LanguageModel,
  prompt: string | readonly number[],
  where: string,
  maxNewTokens: number,
): { text: string; tokens: readonly number[] } {
  const tokens = typeof prompt === 'string' ? tokenizer.encode(prompt) : [...prompt];
  if (tokens.length === 0) {
    throw new RangeError(`${where} is empty, expected at least one token`);
  }
  tokens.forEach((token, i) => checkToken(`${where}[${i}]`, token, config.vocabSize));
  if (tokens.length + maxNewTokens > config.maxPositions) {
    throw new RangeError(
      `${where} has ${tokens.length} tokens, expected at most ${config.maxPositions - maxNewTokens} (maxPositions ${config.maxPositions} - maxNewTokens ${maxNewTokens})`,
    );
  }
  checkTurning(config, where, tokens.length, maxNewTokens);
  return { text: typeof prompt === 'string' ? prompt : tokenizer.decode(tokens), tokens };
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

function checkToken(where: string, token: number, vocabSize: number): void {
  if (!Number.isInteger(token) || token < 0 || token >= vocabSize) {
    throw new RangeError(`${where} is ${token}, expected a token in [0, ${vocabSize})`);
  }
}

/** Checks a request completely, before any tensor exists. */
export function planGeneration(
  model: LanguageModel,
  prompts: readonly (string | readonly number[])[],
  {
    maxNewTokens,
    temperature = 1,
    topK = model.config.vocabSize,
    topP = 1,
    stopTokens = [model.tokenizer.endToken],
    groupSize = 1,
    seed = 0,
    seeds = prompts.flatMap((_, p) =>
      Array.from({ length: groupSize }, (__, i) => fold(seed, p, i)),
    ),
  }: GenerateOptions,
): GenerationPlan {
  const { vocabSize } = model.config;
  if (model.tokenizer.vocabSize !== vocabSize) {
    throw new RangeError(
      `generate: tokenizer has ${model.tokenizer.vocabSize} tokens, expected ${vocabSize} (vocabSize)`,
    );
  }
  checkPositiveInteger('generate: maxNewTokens', maxNewTokens);
  checkPositiveInteger('generate: groupSize', groupSize);
  checkPositiveInteger('generate: topK', topK);
  checkInRange('generate: temperature', temperature, 0, Number.MAX_VALUE);
  checkInRange('generate: topP', topP, Number.MIN_VALUE, 1);
  stopTokens.forEach((token, i) => checkToken(`generate: stopTokens[${i}]`, token, vocabSize));
  seeds.forEach((each, i) => checkSeed(`generate: seeds[${i}]`, each));
  if (seeds.length !== prompts.length * groupSize) {
    throw new RangeError(
      `generate: seeds has ${seeds.length} entries, expected ${prompts.length * groupSize} (prompts * groupSize)`,
    );
  }
  return {
    prompts: prompts.map((prompt, p) =>
      promptTokens(model, prompt, `generate: prompts[${p}]`, maxNewTokens),
    ),
    sampling: { temperature, topK, topP },
    stopTokens: new Set(stopTokens),
    maxNewTokens,
    groupSize,
    seeds,
  };
}
