import { MOST_FLOAT32, checkInRange, checkPositiveInteger } from '@cfrl/engine';

import { headDimOf } from '../architecture/derived.js';
import { VARIATIONS, hasRotary } from '../architecture/variations.js';
import { validateLora } from '../lora/modules.js';
import { checkRotary, checkVariation } from './check-variation.js';
import {
  ARCHITECTURES,
  type Architecture,
  type ModelConfig,
  type ModelConfigOptions,
  type ModelVariation,
} from './types.js';

/**
 * A complete, checked configuration from the sizes alone.
 *
 * @param options - see {@link ModelConfigOptions}
 * @returns the configuration, every field set
 * @throws RangeError as {@link validateConfig}
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 30, hiddenSize: 64, layers: 2, heads: 4, maxPositions: 32,
 * });
 * config.intermediateSize; // => 256
 * ```
 */
export function modelConfig({
  architecture,
  vocabSize,
  hiddenSize,
  layers,
  heads,
  maxPositions,
  intermediateSize = 4 * hiddenSize,
  keyValueHeads = heads,
  normEpsilon = 1e-5,
  ropeTheta = 10000,
  tiedEmbeddings = false,
  initializerRange = 0.02,
  ...variation
}: ModelConfigOptions): ModelConfig {
  const sizes = {
    architecture,
    vocabSize,
    hiddenSize,
    intermediateSize,
    layers,
    heads,
    keyValueHeads,
    maxPositions,
    normEpsilon,
    ropeTheta,
    tiedEmbeddings,
    initializerRange,
  };
  validateConfig({ ...sizes, ...variation });
  const usual: Partial<ModelVariation> = {
    ...(VARIATIONS[architecture] as Partial<ModelVariation>),
    ...{ headDim: hiddenSize / heads, queryScalar: headDimOf({ ...sizes, ...variation }) },
  };
  const differs = ([name, value]: [string, unknown]): boolean =>
    value !== undefined &&
    Object.hasOwn(VARIATIONS[architecture], name) &&
    value !== usual[name as keyof ModelVariation] &&
    !(Array.isArray(value) && value.every((each) => each === true));
  return { ...sizes, ...Object.fromEntries(Object.entries(variation).filter(differs)) };
}

const SIZES = [
  'vocabSize',
  'hiddenSize',
  'intermediateSize',
  'layers',
  'heads',
  'keyValueHeads',
  'maxPositions',
] as const;

/**
 * Refuses a configuration that no model can have.
 *
 * @param config - the configuration
 * @throws RangeError naming the field, what it is and what was expected
 *
 * @example
 * ```ts
 * const options = { architecture: 'llama', vocabSize: 30, hiddenSize: 64, layers: 2, maxPositions: 32 } as const;
 * const messages = [3, 64].map((heads) => {
 *   try {
 *     return modelConfig({ ...options, heads }).heads;
 *   } catch (error) {
 *     return (error as Error).message;
 *   }
 * });
 * messages[0]; // => "validateConfig: hiddenSize is 64, expected a multiple of heads (3)"
 * messages[1]; // => "validateConfig: hiddenSize / heads is 1, expected an even number (rotary positions turn pairs)"
 * ```
 */
export function validateConfig(config: ModelConfig): void {
  const { architecture, hiddenSize, heads, keyValueHeads, tiedEmbeddings } = config;
  if (!ARCHITECTURES.includes(architecture)) {
    throw new RangeError(
      `validateConfig: architecture is ${JSON.stringify(architecture)}, expected one of ${ARCHITECTURES.join(', ')}`,
    );
  }
  for (const name of SIZES) checkPositiveInteger(`validateConfig: ${name}`, config[name]);
  checkInRange('validateConfig: normEpsilon', config.normEpsilon, Number.MIN_VALUE, 1);
  checkInRange('validateConfig: ropeTheta', config.ropeTheta, 1, Number.MAX_VALUE);
  checkInRange('validateConfig: initializerRange', config.initializerRange, 0, MOST_FLOAT32);
  if (typeof tiedEmbeddings !== 'boolean') {
    throw new TypeError(
      `validateConfig: tiedEmbeddings is ${String(tiedEmbeddings)}, expected a boolean`,
    );
  }
  checkVariation(config);
  if (config.headDim === undefined) expectMultiple('hiddenSize', hiddenSize, 'heads', heads);
  expectMultiple('heads', heads, 'keyValueHeads', keyValueHeads);
  if (ONE_KEY_A_HEAD.has(architecture) && keyValueHeads !== heads) {
    throw new RangeError(
      `validateConfig: keyValueHeads is ${keyValueHeads}, expected ${heads} (heads); ${architecture} has no grouped-query attention`,
    );
  }
  if (architecture === 'opt' && config.normEpsilon !== 1e-5) {
    throw new RangeError(
      `validateConfig: normEpsilon is ${config.normEpsilon}, expected 0.00001; opt has no other`,
    );
  }
  if (hasRotary(architecture)) checkRotary(config);
  validateLora(config);
}

const ONE_KEY_A_HEAD: ReadonlySet<Architecture> = new Set(['gpt2', 'gpt_neox', 'opt']);

function expectMultiple(name: string, value: number, ofName: string, of: number): void {
  if (value % of !== 0) {
    throw new RangeError(
      `validateConfig: ${name} is ${value}, expected a multiple of ${ofName} (${of})`,
    );
  }
}
