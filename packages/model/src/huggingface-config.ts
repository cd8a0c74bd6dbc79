import { modelConfig } from './config.js';
import type { Architecture, ModelConfig } from './config.js';
import { validateConfig } from './config.js';

/** The parsed `config.json` of a Hugging Face folder. */
export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

const NAMES = {
  gpt2: {
    vocabSize: 'vocab_size',
    hiddenSize: 'n_embd',
    intermediateSize: 'n_inner',
    layers: 'n_layer',
    heads: 'n_head',
    maxPositions: 'n_positions',
    normEpsilon: 'layer_norm_epsilon',
    tiedEmbeddings: 'tie_word_embeddings',
    initializerRange: 'initializer_range',
  },
  llama: {
    vocabSize: 'vocab_size',
    hiddenSize: 'hidden_size',
    intermediateSize: 'intermediate_size',
    layers: 'num_hidden_layers',
    heads: 'num_attention_heads',
    keyValueHeads: 'num_key_value_heads',
    maxPositions: 'max_position_embeddings',
    normEpsilon: 'rms_norm_eps',
    tiedEmbeddings: 'tie_word_embeddings',
    initializerRange: 'initializer_range',
  },
} as const satisfies Record<Architecture, Partial<Record<keyof ModelConfig, string>>>;

/** What transformers assumes when the file does not say. Sizes have no default here. */
const DEFAULTS: Readonly<Record<Architecture, Partial<ModelConfig>>> = {
  gpt2: { normEpsilon: 1e-5, tiedEmbeddings: true, initializerRange: 0.02 },
  llama: { normEpsilon: 1e-6, tiedEmbeddings: false, initializerRange: 0.02 },
};

/** Fields that change what the model computes, with the values that this decoder computes. */
const SUPPORTED: Readonly<Record<Architecture, Readonly<Record<string, readonly unknown[]>>>> = {
  gpt2: {
    activation_function: ['gelu_new', 'gelu_pytorch_tanh'],
    scale_attn_weights: [true],
    scale_attn_by_inverse_layer_idx: [false],
    add_cross_attention: [false],
  },
  llama: {
    hidden_act: ['silu', 'swish'],
    attention_bias: [false],
    mlp_bias: [false],
  },
};

/**
 * A configuration as the `config.json` that transformers reads, in versions 4 and 5.
 *
 * @param config - the configuration
 * @returns the parsed JSON; token ids are null, since they belong to a tokenizer
 * @throws RangeError if the configuration is invalid
 *
 * @example
 * ```ts
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 30, hiddenSize: 64, layers: 2, heads: 4, maxPositions: 32,
 * });
 * toHuggingFaceConfig(config).num_hidden_layers; // => 2
 * ```
 */
export function toHuggingFaceConfig(config: ModelConfig): HuggingFaceConfig {
  validateConfig(config);
  const { architecture, ropeTheta } = config;
  const renamed = Object.entries(NAMES[architecture]).map(([ours, theirs]) => [
    theirs,
    config[ours as keyof ModelConfig],
  ]);
  return {
    architectures: [architecture === 'gpt2' ? 'GPT2LMHeadModel' : 'LlamaForCausalLM'],
    model_type: architecture,
    ...(Object.fromEntries(renamed) as Record<string, unknown>),
    ...Object.fromEntries(
      Object.entries(SUPPORTED[architecture]).map(([name, values]) => [name, values[0]]),
    ),
    ...(architecture === 'llama' && {
      head_dim: config.hiddenSize / config.heads,
      rope_theta: ropeTheta,
      rope_parameters: { rope_type: 'default', rope_theta: ropeTheta },
    }),
    bos_token_id: null,
    eos_token_id: null,
    pad_token_id: null,
    torch_dtype: 'float32',
  };
}

const fail = (problem: string): never => {
  throw new RangeError(`fromHuggingFaceConfig: ${problem}`);
};

function architectureOf(json: HuggingFaceConfig): Architecture {
  const type = json['model_type'];
  if (type === 'gpt2' || type === 'llama') return type;
  return fail(
    `model_type is ${JSON.stringify(type)}, expected one of ${Object.keys(NAMES).join(', ')}`,
  );
}

function checkFeatures(architecture: Architecture, json: HuggingFaceConfig): void {
  for (const [name, values] of Object.entries(SUPPORTED[architecture])) {
    const value = json[name];
    if (value !== undefined && !values.includes(value)) {
      fail(
        `${name} is ${JSON.stringify(value)}, expected ${values.map((v) => JSON.stringify(v)).join(' or ')}`,
      );
    }
  }
}

/** Both spellings: `rope_theta` with `rope_scaling` (version 4), `rope_parameters` (version 5). */
function ropeThetaOf(json: HuggingFaceConfig): number {
  const parameters = (json['rope_parameters'] ?? {}) as Record<string, unknown>;
  for (const [name, value] of [
    ['rope_parameters', parameters],
    ['rope_scaling', json['rope_scaling'] ?? {}],
  ] as const) {
    const { rope_type: type, type: oldType } = value as Record<string, unknown>;
    const kind = type ?? oldType ?? 'default';
    if (kind !== 'default') {
      fail(
        `${name} has type ${JSON.stringify(kind)}, expected "default"; scaled rotary positions are not supported`,
      );
    }
  }
  return (parameters['rope_theta'] ?? json['rope_theta'] ?? 10000) as number;
}

/**
 * Reads a `config.json` of transformers, version 4 or 5.
 *
 * @param json - the parsed file
 * @returns the configuration
 * @throws RangeError if the architecture is not `gpt2` or `llama`, a size is missing or invalid, or
 *   the file asks for something that the decoder does not compute
 *
 * @example
 * ```ts
 * fromHuggingFaceConfig({
 *   model_type: 'gpt2', vocab_size: 30, n_embd: 64, n_layer: 2, n_head: 4, n_positions: 32,
 * }).intermediateSize; // => 256
 * ```
 */
export function fromHuggingFaceConfig(json: HuggingFaceConfig): ModelConfig {
  if (typeof json !== 'object' || json === null) {
    throw new TypeError(`fromHuggingFaceConfig: json is ${String(json)}, expected an object`);
  }
  const architecture = architectureOf(json);
  checkFeatures(architecture, json);
  const found: Record<string, unknown> = { ...DEFAULTS[architecture] };
  for (const [ours, theirs] of Object.entries(NAMES[architecture])) {
    // null is transformers' way of asking for the default.
    if (json[theirs] !== undefined && json[theirs] !== null) found[ours] = json[theirs];
  }
  for (const ours of ['vocabSize', 'hiddenSize', 'layers', 'heads', 'maxPositions'] as const) {
    if (found[ours] === undefined)
      fail(`${NAMES[architecture][ours]} is absent, expected a positive integer`);
  }
  if (architecture === 'llama') {
    if (found['intermediateSize'] === undefined)
      fail('intermediate_size is absent, expected a positive integer');
    found['ropeTheta'] = ropeThetaOf(json);
    const width = (found['hiddenSize'] as number) / (found['heads'] as number);
    const given = json['head_dim'] ?? width;
    if (given !== width)
      fail(`head_dim is ${String(given)}, expected ${width} (hidden_size / num_attention_heads)`);
  }
  return modelConfig({ ...(found as unknown as ModelConfig), architecture });
}
