import type { Value } from './cursor.js';
import type { Metadata } from './metadata.js';

const any = (): boolean => true;
const isOne = (value: Value): boolean => value === 1;
const isOff = (value: Value): boolean => value === 0 || value === false;

/** Keys of an architecture, without its name, that change nothing, or nothing with these values. */
const OF_ARCHITECTURE: Readonly<Record<string, (value: Value) => boolean>> = {
  ...{ context_length: any, vocab_size: any, tensor_data_layout: any, pooling_type: any },
  'attention.causal': (value) => value === true,
  ...{ expert_count: isOff, expert_used_count: isOff, leading_dense_block_count: isOff },
  ...{ 'attention.clamp_kqv': isOff, 'attention.max_alibi_bias': isOff },
  ...{ use_parallel_residual: isOff, 'attention.sliding_window': isOff },
  // What Gemma 3 does anyway.
  'attention.sliding_window_pattern': (value) => value === 6,
  ...{ 'rope.scaling.finetuned': any, 'rope.scaling.type': (value) => value === 'none' },
  ...{ 'rope.scaling.attn_factor': isOne, 'rope.scaling.yarn_attn_factor': isOne },
  'rope.scale_linear': (value) => value === 0 || value === 1,
  // Of architectures without rotary positions, and with a key a head.
  ...{ 'rope.dimension_count': any, 'attention.head_count_kv': any },
};

/** The same of the tokenizer. */
const OF_TOKENIZER: Readonly<Record<string, (value: Value) => boolean>> = {
  'huggingface.json': any,
  ...{ chat_templates: any, 'ggml.token_type_count': any, 'ggml.add_sep_token': isOff },
  'ggml.remove_extra_whitespaces': any, // of unigram models, which are refused
  'ggml.escape_whitespaces': (value) => value === true,
  'ggml.treat_whitespace_as_suffix': isOff,
  ...{ 'ggml.add_space_prefix': any, 'ggml.scores': any }, // of SentencePiece's models
  ...{ 'ggml.pre': any, 'ggml.merges': any }, // of byte-level BPE
};
/** Special tokens for purposes that nothing here has. */
const OTHER_TOKEN = /^ggml\.[a-z_]+_token_id$/;

function refuse(prefix: string, key: string, value: Value): never {
  const shown = typeof value === 'object' ? 'a list' : JSON.stringify(value);
  throw new RangeError(
    `loadPretrained: ${prefix}${key} of the GGUF file is ${shown}, expected none: it may change what is computed, and is not known; remove it if it does not (gguf_new_metadata.py --remove-metadata of llama.cpp)`,
  );
}

function check(
  values: ReadonlyMap<string, Value>,
  { asked }: Metadata,
  prefix: string,
  isHarmless: (key: string, value: Value) => boolean,
): void {
  for (const [name, value] of values) {
    if (!name.startsWith(prefix) || asked.has(name)) continue;
    const key = name.slice(prefix.length);
    if (!isHarmless(key, value)) refuse(prefix, key, value);
  }
}

/** Refuses metadata of the architecture that nobody has asked for, if it may change what is computed. */
export function checkArchitectureKeys(
  values: ReadonlyMap<string, Value>,
  metadata: Metadata,
  architecture: string,
): void {
  const longest = values.get(`${architecture}.context_length`);
  check(values, metadata, `${architecture}.`, (key, value) => {
    // A window that no text reaches is none.
    if (key === 'attention.sliding_window' && (value as number) >= (longest as number)) return true;
    return Object.hasOwn(OF_ARCHITECTURE, key) && OF_ARCHITECTURE[key]!(value);
  });
}

/** Refuses metadata of the tokenizer that nobody has asked for, if it may change what texts become. */
export function checkTokenizerKeys(values: ReadonlyMap<string, Value>, metadata: Metadata): void {
  check(values, metadata, 'tokenizer.', (key, value) => {
    if (OTHER_TOKEN.test(key) || key.startsWith('chat_template')) return true;
    return Object.hasOwn(OF_TOKENIZER, key) && OF_TOKENIZER[key]!(value);
  });
}
