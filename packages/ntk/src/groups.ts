/**
 * The layer of a parameter, by the names that Hugging Face checkpoints use: `layers.3` of everything in block 3, else `embeddings`,
 * `final norm` or `classifier`; a name that fits none of these is its own layer.
 *
 * @param name - a parameter's name
 * @returns the layer's name
 *
 * @example
 * ```ts
 * ['model.layers.3.mlp.up_proj.weight', 'transformer.wte.weight', 'model.norm.weight', 'lm_head.weight'].map(layerOfParam);
 * // => ["layers.3", "embeddings", "final norm", "classifier"]
 * ```
 */
export function layerOfParam(name: string): string {
  const block = /(?:^|\.)(?:layers|h|blocks)\.(\d+)\./.exec(name);
  if (block) return `layers.${block[1]}`;
  if (/^(lm_head|embed_out)\./.test(name)) return 'classifier';
  if (/(?:^|\.)(wte|wpe|embed_tokens|embed_positions|embed_in|word_embeddings)\./.test(name))
    return 'embeddings';
  if (/(?:^|\.)(norm|ln_f|final_layer_?norm|final_layernorm)\./.test(name)) return 'final norm';
  return name;
}

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/\.(q_norm|k_norm|q_layernorm|k_layernorm)\./, 'norm'],
  [/\.q_proj\./, 'attention q'],
  [/\.k_proj\./, 'attention k'],
  [/\.v_proj\./, 'attention v'],
  [/\.(o_proj|out_proj|self_attn\.dense|attention\.dense|attn\.c_proj)\./, 'attention o'],
  [/\.(c_attn|qkv_proj|query_key_value)\./, 'attention qkv'],
  [/(norm|ln_1|ln_2|ln_f)[^.]*\./, 'norm'],
  [/\.(mlp|fc1|fc2)\b/, 'mlp'],
];

/**
 * The kind of a parameter, by the names that Hugging Face checkpoints use: `attention q`, `k`, `v`, `o` or (as one) `qkv`, `mlp`, `norm`,
 * `embeddings`, `classifier`; `other` for what fits none of these.
 *
 * @param name - a parameter's name
 * @returns the kind
 *
 * @example
 * ```ts
 * ['model.layers.3.self_attn.q_proj.weight', 'transformer.h.0.ln_1.bias', 'transformer.h.0.mlp.c_fc.weight'].map(kindOfParam);
 * // => ["attention q", "norm", "mlp"]
 * ```
 */
export function kindOfParam(name: string): string {
  const layer = layerOfParam(name);
  if (layer === 'classifier' || layer === 'embeddings') return layer;
  return KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}
