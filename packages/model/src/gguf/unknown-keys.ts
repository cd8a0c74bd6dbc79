import type { Value } from './cursor.js';
import type { Metadata } from './metadata.js';

const any = (): boolean => true;
const isOne = (value: Value): boolean => value === 1;
const isOff = (value: Value): boolean => value === 0 || value === false;

const each =
  (...keys: readonly string[]) =>
  (is: (value: Value) => boolean): Record<string, (value: Value) => boolean> =>
    Object.fromEntries(keys.map((key) => [key, is]));

/** Keys of an architecture, without its name, that change nothing, or nothing with these values. */
const OF_ARCHITECTURE: Readonly<Record<string, (value: Value) => boolean>> = {
  ...each('context_length', 'vocab_size', 'tensor_data_layout', 'pooling_type')(any),
  // Written for architectures without rotary positions or grouped keys as well.
  ...each('rope.scaling.finetuned', 'rope.dimension_count', 'attention.head_count_kv')(any),
  ...each('expert_count', 'expert_used_count', 'leading_dense_block_count')(isOff),
  ...each('attention.clamp_kqv', 'attention.max_alibi_bias', 'attention.sliding_window')(isOff),
  use_parallel_residual: isOff,
  'attention.causal': (value) => value === true,
  // What Gemma 3 does anyway.
  'attention.sliding_window_pattern': (value) => value === 6,
  'rope.scaling.type': (value) => value === 'none',
  ...each('rope.scaling.attn_factor', 'rope.scaling.yarn_attn_factor')(isOne),
  'rope.scale_linear': (value) => value === 0 || value === 1,
};

/** The same of the tokenizer. */
const OF_TOKENIZER: typeof OF_ARCHITECTURE = {
  ...each('huggingface.json', 'chat_templates', 'ggml.token_type_count')(any),
  ...each('ggml.add_sep_token', 'ggml.treat_whitespace_as_suffix')(isOff),
  'ggml.remove_extra_whitespaces': any, // of unigram models, which are refused
  'ggml.escape_whitespaces': (value) => value === true,
  ...each('ggml.add_space_prefix', 'ggml.scores')(any), // of SentencePiece's models
  ...each('ggml.pre', 'ggml.merges')(any), // of byte-level BPE
};
/** Special tokens for purposes that nothing here has. */
const OTHER_TOKEN = /^ggml\.[a-z_]+_token_id$/;

function check(
  { asked, values, prefix }: Metadata,
  isHarmless: (key: string, value: Value) => boolean,
): void {
  for (const [name, value] of values) {
    if (!name.startsWith(prefix) || asked.has(name)) continue;
    if (isHarmless(name.slice(prefix.length), value)) continue;
    const shown = typeof value === 'object' ? 'a list' : JSON.stringify(value);
    throw new RangeError(
      `loadPretrained: ${name} of the GGUF file is ${shown}, expected none: it may change what is computed, and is not known; remove it if it does not (gguf_new_metadata.py --remove-metadata of llama.cpp)`,
    );
  }
}

const isListed = (keys: typeof OF_ARCHITECTURE, key: string, value: Value): boolean =>
  Object.hasOwn(keys, key) && keys[key]!(value);

/** Refuses metadata of the architecture that nobody has asked for, if it may change what is computed. */
export function checkArchitectureKeys(keys: Metadata): void {
  const longest = keys.values.get(`${keys.prefix}context_length`) as number;
  check(keys, (key, value) => {
    // A window as long as the longest text changes nothing.
    if (key === 'attention.sliding_window' && (value as number) >= longest) return true;
    return isListed(OF_ARCHITECTURE, key, value);
  });
}

/** Refuses metadata of the tokenizer that nobody has asked for, if it may change what texts become. */
export function checkTokenizerKeys(metadata: Metadata): void {
  check(metadata.below('tokenizer.'), (key, value) => {
    if (OTHER_TOKEN.test(key) || key.startsWith('chat_template')) return true;
    return isListed(OF_TOKENIZER, key, value);
  });
}
