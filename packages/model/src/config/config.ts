import { headDimOf } from '../architecture/derived.js';
import { VARIATIONS, hasRotary } from '../architecture/variations.js';
import { FIELD_CHECKS, checkFields, checkRotary } from './check-fields.js';
import { checkLora } from './check-lora.js';
import {
  ARCHITECTURES,
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
export function modelConfig(options: ModelConfigOptions): ModelConfig {
  const { architecture, hiddenSize, heads } = options;
  const defaults: Partial<ModelConfig> = {
    intermediateSize: 4 * hiddenSize,
    keyValueHeads: heads,
    normEpsilon: 1e-5,
    ropeTheta: 10000,
    tiedEmbeddings: false,
    initializerRange: 0.02,
  };
  const names = ['architecture', ...Object.keys(FIELD_CHECKS)] as (keyof ModelConfigOptions)[];
  const fields = Object.fromEntries(
    names.map((name) => [name, options[name] === undefined ? defaults[name] : options[name]]),
  ) as unknown as ModelConfig;
  const whole = { ...options, ...fields };
  validateConfig(whole);
  const usual: Partial<ModelVariation> = {
    ...(VARIATIONS[architecture] as Partial<ModelVariation>),
    headDim: hiddenSize / heads,
    queryScalar: headDimOf(whole),
  };
  const differs = ([name, value]: [string, unknown]): boolean =>
    value !== undefined &&
    Object.hasOwn(VARIATIONS[architecture], name) &&
    value !== usual[name as keyof ModelVariation] &&
    !(Array.isArray(value) && value.every((each) => each === true));
  return { ...fields, ...Object.fromEntries(Object.entries(options).filter(differs)) };
}

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
  const { architecture, hiddenSize, heads, keyValueHeads } = config;
  const fail = (problem: string): never => {
    throw new RangeError(`validateConfig: ${problem}`);
  };
  const expectMultiple = (name: string, value: number, ofName: string, of: number): void => {
    if (value % of !== 0) fail(`${name} is ${value}, expected a multiple of ${ofName} (${of})`);
  };
  if (!ARCHITECTURES.includes(architecture)) {
    const known = ARCHITECTURES.join(', ');
    fail(`architecture is ${JSON.stringify(architecture)}, expected one of ${known}`);
  }
  checkFields(config);
  if (config.headDim === undefined) expectMultiple('hiddenSize', hiddenSize, 'heads', heads);
  expectMultiple('heads', heads, 'keyValueHeads', keyValueHeads);
  if (['gpt2', 'gpt_neox', 'opt'].includes(architecture) && keyValueHeads !== heads) {
    fail(
      `keyValueHeads is ${keyValueHeads}, expected ${heads} (heads); ${architecture} has no grouped-query attention`,
    );
  }
  if (architecture === 'opt' && config.normEpsilon !== 1e-5) {
    fail(`normEpsilon is ${config.normEpsilon}, expected 0.00001; opt has no other`);
  }
  if (hasRotary(architecture)) checkRotary(config);
  if (config.lora !== undefined) checkLora(config, config.lora);
}
