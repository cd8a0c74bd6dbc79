/** Which adapters a model has, and how they count. */
export interface LoraConfig {
  /** `r`, columns of `B` and rows of `A`. */
  readonly rank: number;
  /** Numerator of the scale. */
  readonly alpha: number;
  /** Whether the scale is `alpha / sqrt(r)` instead of `alpha / r`. */
  readonly rankStabilized: boolean;
  /** Full names of the modules with an adapter, as `model.layers.0.self_attn.q_proj`. */
  readonly modules: readonly string[];
  /** Ranks that differ from `rank`, by the module's full name. */
  readonly ranks?: Readonly<Record<string, number>>;
  /** Numerators that differ from `alpha`, by the module's full name. */
  readonly alphas?: Readonly<Record<string, number>>;
  /** Whether each adapter has a magnitude for each output (DoRA). @defaultValue false */
  readonly dora?: boolean;
  /** Which of the model's own biases belong to the adapter: none, those of the adapted modules, or all. @defaultValue 'none' */
  readonly bias?: 'none' | 'lora_only' | 'all';
  /** Full names of modules whose own parameters belong to the adapter: PEFT's `modules_to_save`. @defaultValue none */
  readonly wholeModules?: readonly string[];
  /** Whether embedding and classifier are saved with the adapter, as where it has other tokens than the model. @defaultValue false */
  readonly savesEmbeddings?: boolean;
  /** What Python drops of the adapters' inputs while it trains. Nothing is dropped here; `saveAdapter` passes it on. @defaultValue 0 */
  readonly dropout?: number;
}

/** The values of `LoraConfig.bias`. */
export const BIASES: readonly NonNullable<LoraConfig['bias']>[] = ['none', 'lora_only', 'all'];

/** What a module computes: a product with a weight, or rows of a table. */
export type ModuleKind = 'linear' | 'embedding';

export const rankOf = ({ rank, ranks }: LoraConfig, module: string): number =>
  ranks?.[module] ?? rank;

/** What `B A x` of a module is multiplied by. */
export const loraScale = (lora: LoraConfig, module: string): number => {
  const rank = rankOf(lora, module);
  return (lora.alphas?.[module] ?? lora.alpha) / (lora.rankStabilized ? Math.sqrt(rank) : rank);
};

/** Names of the factors `A` and `B` of a module and of its magnitude, as PEFT calls them below its prefix. */
export const factorNames = (
  module: string,
  kind: ModuleKind,
): { a: string; b: string; magnitude: string } => ({
  ...(kind === 'linear'
    ? { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` }
    : { a: `${module}.lora_embedding_A`, b: `${module}.lora_embedding_B` }),
  magnitude: `${module}.lora_magnitude_vector`,
});

/**
 * Whether a name is that of an adapter's factor or magnitude: what LoRA trains, as the `trainable` of training loops and for
 * `selectParams`. Adapters with biases or whole modules train more: see `adapterParams`.
 *
 * @param name - a parameter's name
 * @returns true for `A`, `B` and DoRA's magnitude
 *
 * @example
 * ```ts
 * ['model.norm.weight', 'model.layers.0.mlp.up_proj.lora_A.weight'].map(isLora); // => [false, true]
 * ```
 */
export const isLora = (name: string): boolean =>
  /\.lora_(?:[AB]\.weight|embedding_[AB]|magnitude_vector)$/.test(name);
