import { checkInRange, checkPositiveInteger } from '@cfrl/engine';

/** The architectures that one decoder serves. */
export type Architecture = 'gpt2' | 'llama';

/** Everything that determines a model's parameters and its forward pass. */
export interface ModelConfig {
  /** `gpt2`: layer norm, learned positions, GELU, biases. `llama`: RMS norm, rotary positions, SwiGLU. */
  readonly architecture: Architecture;
  /** `V`, tokens in the vocabulary. */
  readonly vocabSize: number;
  /** `D`, width of the residual stream and of the features. */
  readonly hiddenSize: number;
  /** Width inside the MLP. */
  readonly intermediateSize: number;
  /** `L`, number of blocks. */
  readonly layers: number;
  /** `H`, query heads; divides `hiddenSize`. */
  readonly heads: number;
  /** Key and value heads (grouped-query attention); divides `heads`. `gpt2` has as many as `heads`. */
  readonly keyValueHeads: number;
  /** Longest sequence in tokens, prompt and completion together. */
  readonly maxPositions: number;
  /** Added to the variance (layer norm) or the mean square (RMS norm). */
  readonly normEpsilon: number;
  /** Base of the rotary wavelengths. Without effect for `gpt2`. */
  readonly ropeTheta: number;
  /** Whether the embedding serves as the classifier; then there is no `lm_head.weight`. */
  readonly tiedEmbeddings: boolean;
  /** Standard deviation of the initial weights. */
  readonly initializerRange: number;
}

/** Options of {@link modelConfig}: the sizes, and what may differ from the usual. */
export interface ModelConfigOptions {
  /** `gpt2` or `llama`. */
  readonly architecture: Architecture;
  /** `V`, tokens in the vocabulary. */
  readonly vocabSize: number;
  /** `D`, width of the residual stream. */
  readonly hiddenSize: number;
  /** Number of blocks. */
  readonly layers: number;
  /** Query heads. */
  readonly heads: number;
  /** Longest sequence in tokens. */
  readonly maxPositions: number;
  /** Width inside the MLP. @defaultValue 4 * hiddenSize */
  readonly intermediateSize?: number;
  /** Key and value heads. @defaultValue heads */
  readonly keyValueHeads?: number;
  /** Added inside the norms' root. @defaultValue 1e-5 */
  readonly normEpsilon?: number;
  /** Base of the rotary wavelengths. @defaultValue 10000 */
  readonly ropeTheta?: number;
  /** Whether the embedding serves as the classifier. @defaultValue false */
  readonly tiedEmbeddings?: boolean;
  /** Standard deviation of the initial weights. @defaultValue 0.02 */
  readonly initializerRange?: number;
}

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
}: ModelConfigOptions): ModelConfig {
  const config: ModelConfig = {
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
  validateConfig(config);
  return config;
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
  if (architecture !== 'gpt2' && architecture !== 'llama') {
    throw new RangeError(
      `validateConfig: architecture is ${JSON.stringify(architecture)}, expected 'gpt2' or 'llama'`,
    );
  }
  for (const name of SIZES) checkPositiveInteger(`validateConfig: ${name}`, config[name]);
  checkInRange('validateConfig: normEpsilon', config.normEpsilon, Number.MIN_VALUE, 1);
  checkInRange('validateConfig: ropeTheta', config.ropeTheta, 1, Number.MAX_VALUE);
  checkInRange('validateConfig: initializerRange', config.initializerRange, 0, Number.MAX_VALUE);
  if (typeof tiedEmbeddings !== 'boolean') {
    throw new TypeError(
      `validateConfig: tiedEmbeddings is ${String(tiedEmbeddings)}, expected a boolean`,
    );
  }
  expectMultiple('hiddenSize', hiddenSize, 'heads', heads);
  expectMultiple('heads', heads, 'keyValueHeads', keyValueHeads);
  if (architecture === 'gpt2' && keyValueHeads !== heads) {
    throw new RangeError(
      `validateConfig: keyValueHeads is ${keyValueHeads}, expected ${heads} (heads); gpt2 has no grouped-query attention`,
    );
  }
  if (architecture === 'llama' && (hiddenSize / heads) % 2 !== 0) {
    throw new RangeError(
      `validateConfig: hiddenSize / heads is ${hiddenSize / heads}, expected an even number (rotary positions turn pairs)`,
    );
  }
}

function expectMultiple(name: string, value: number, ofName: string, of: number): void {
  if (value % of !== 0) {
    throw new RangeError(
      `validateConfig: ${name} is ${value}, expected a multiple of ${ofName} (${of})`,
    );
  }
}
