import type { Architecture } from '../config.js';
import { ACTIVATION_KEYS, FORMATS, type HuggingFaceConfig } from './formats.js';
import { layerKeys } from './layer-types.js';
import { ropeKeys } from './rope.js';

/** Keys of any file that do not change what the model computes. */
const HARMLESS =
  /^_|dropout|_pdrop$|layerdrop|token_id$|^(model_type|architectures|name_or_path|transformers_version|auto_map|dtype|torch_dtype|use_cache|pretraining_tp|is_decoder|is_encoder_decoder|return_dict|output_(attentions|hidden_states)|summary_\w+|classifier_\w+|num_labels|id2label|label2id|problem_type|task_specific_params|initializer_range|attn_implementation|use_flash_attn|use_return_dict|chunk_size_feed_forward|max_window_layers|gradient_checkpointing|reorder_and_upcast_attn|prefix|is_llama_config|tokenizer_class|unsloth_\w+|bos_token|eos_token|n_ctx|cache_implementation|use_mrope|word_embed_proj_dim|activation_dropout)$/;

/** What keys that change a computation are named after. */
const TELLING =
  /scal|cap|norm|bias|window|rope|rotary|act|head|layer|multiplier|residual|moe|expert|alibi|position|attn|attention|embed|proj|quant|prune|eps|tie|logit|parallel|interleav|hidden|width|dim|size|chunk|temperature|factor|theta/;

/** Whether a value asks for nothing. */
const isNeutral = (value: unknown): boolean =>
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
    (key) => !known.has(key) && !HARMLESS.test(key) && TELLING.test(key) && !isNeutral(json[key]),
  );
}
