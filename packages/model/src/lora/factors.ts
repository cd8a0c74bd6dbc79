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
}

/** What a module computes: a product with a weight, or rows of a table. */
export type ModuleKind = 'linear' | 'embedding';

/** What `B A x` is multiplied by. */
export const loraScale = ({ rank, alpha, rankStabilized }: LoraConfig): number =>
  alpha / (rankStabilized ? Math.sqrt(rank) : rank);

/** Names of the factors `A` and `B` of a module, as PEFT calls them below its prefix. */
export const factorNames = (module: string, kind: ModuleKind): { a: string; b: string } =>
  kind === 'linear'
    ? { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` }
    : { a: `${module}.lora_embedding_A`, b: `${module}.lora_embedding_B` };

/**
 * Whether a name is that of an adapter's factor: what LoRA trains, as the `trainable` of training loops and for `selectParams`.
 *
 * @param name - a parameter's name
 * @returns true for `A` and `B`
 *
 * @example
 * ```ts
 * ['model.norm.weight', 'model.layers.0.mlp.up_proj.lora_A.weight'].map(isLora); // => [false, true]
 * ```
 */
export const isLora = (name: string): boolean =>
  /\.lora_(?:[AB]\.weight|embedding_[AB])$/.test(name);
