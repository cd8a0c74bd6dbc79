import type { ModelConfig } from '../config.js';
import { paramShapes } from '../init.js';
import type { Tokenizer } from '../tokenizer/types.js';

/** Name, shape, and whether the numbers are float32: what both sides of a checkpoint know. */
export interface ParamInfo {
  readonly shape: readonly number[];
  readonly float: boolean;
  /** The numbers, to look for NaN and infinities. */
  readonly values: () => ArrayLike<number>;
}

const sizes = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

function allFinite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return false;
  return true;
}

function paramProblem(name: string, shape: readonly number[], info?: ParamInfo): string[] {
  if (info === undefined) return [`'${name}' is missing`];
  if (sizes(info.shape) !== sizes(shape)) {
    return [`'${name}' has shape ${sizes(info.shape)}, expected ${sizes(shape)}`];
  }
  if (!info.float) return [`'${name}' is not of floating point`];
  return allFinite(info.values()) ? [] : [`'${name}' has NaN or infinite numbers`];
}

/** Compares parameters and tokenizer with the configuration; one error lists all that differs. */
export function checkModel(
  where: string,
  config: ModelConfig,
  params: Readonly<Record<string, ParamInfo>>,
  tokenizer: Tokenizer,
): void {
  const shapes = paramShapes(config);
  const problems = [
    ...Object.entries(shapes).flatMap(([name, shape]) => paramProblem(name, shape, params[name])),
    ...Object.keys(params)
      .filter((name) => !Object.hasOwn(shapes, name))
      .map((name) => `'${name}' is unexpected`),
  ];
  if (problems.length > 0) {
    throw new RangeError(
      `${where}: params has ${problems.length} entries that do not fit the config: ${problems.join('; ')}`,
    );
  }
  if (tokenizer.vocabSize !== config.vocabSize) {
    throw new RangeError(
      `${where}: tokenizer has ${tokenizer.vocabSize} tokens, expected ${config.vocabSize} (vocabSize)`,
    );
  }
}
