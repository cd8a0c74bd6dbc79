import type { Architecture } from '../config/types.js';
import { ACTIVATION_KEYS, FORMATS, type HuggingFaceConfig } from './formats.js';
import { layerKeys } from './layer-types.js';
import { ropeKeys } from './rope-scaling.js';

/** Keys of any file that do not change what the model computes. */
const HARMLESS: ReadonlySet<string> = new Set(
  [
    'model_type architectures name_or_path transformers_version auto_map tokenizer_class prefix',
    'dtype torch_dtype use_cache cache_implementation return_dict use_return_dict',
    'attn_implementation use_flash_attn use_flash_attention use_flash_attention_2',
    'output_attentions output_hidden_states gradient_checkpointing chunk_size_feed_forward',
    'is_decoder is_encoder_decoder pretraining_tp reorder_and_upcast_attn is_llama_config',
    'num_labels id2label label2id problem_type task_specific_params initializer_range',
    'bos_token eos_token n_ctx max_window_layers use_mrope word_embed_proj_dim',
    'full_attn_mod interpolate_factor',
    // What older versions left here of a generation config.
    'temperature top_k top_p typical_p min_p do_sample num_beams num_beam_groups max_length min_length',
    'max_new_tokens min_new_tokens length_penalty repetition_penalty encoder_no_repeat_ngram_size',
    'no_repeat_ngram_size diversity_penalty early_stopping bad_words_ids num_return_sequences',
    'exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id remove_invalid_values',
    'suppress_tokens begin_suppress_tokens output_scores return_dict_in_generate renormalize_logits',
    'guidance_scale epsilon_cutoff eta_cutoff sequence_bias dola_layers output_logits penalty_alpha',
    'num_logits_to_keep',
    'cross_attention_hidden_size tie_encoder_decoder torchscript finetuning_task use_bfloat16',
    'vocab_size_padded pad_vocab_size_multiple model_max_length',
    'transformers.js_config',
  ].flatMap((line) => line.split(' ')),
);
const HARMLESS_KINDS = /^_|dropout|_pdrop$|layerdrop|token_id$|^(summary|classifier|unsloth)_/;

/** Parts of the names of keys that may change a computation. */
const TELLING = new RegExp(
  [
    'scal|cap|norm|bias|window|rope|rotary|act|head|layer|multiplier|residual|moe|expert|alibi',
    'position|attn|attention|embed|proj|quant|prune|eps|tie|logit|parallel|interleav|hidden',
    'width|dim|size|chunk|clip|temperature|factor|theta',
  ].join('|'),
);

/** Whether a value asks for nothing. */
const isNeutral = (key: string, value: unknown): boolean =>
  (key === 'layer_types' &&
    Array.isArray(value) &&
    value.every((type) => type === 'full_attention')) ||
  value === null ||
  value === undefined ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/**
 * The keys of a file that this architecture does not have, but that sound like a change of what is
 * computed, and ask for something. Better an error than another model.
 */
export function unknownKeys(architecture: Architecture, json: HuggingFaceConfig): string[] {
  const { names, fixed, aliases = {} } = FORMATS[architecture];
  const known = new Set([
    ...Object.values(names),
    ...Object.keys(fixed),
    ...Object.keys(aliases),
    ...ropeKeys(architecture),
    ...layerKeys(architecture),
    ...(ACTIVATION_KEYS[architecture] ? [ACTIVATION_KEYS[architecture]] : []),
  ]);
  return Object.keys(json).filter(
    (key) =>
      !known.has(key) &&
      !HARMLESS.has(key) &&
      !HARMLESS_KINDS.test(key) &&
      TELLING.test(key) &&
      !isNeutral(key, json[key]),
  );
}
