/** How a checkpoint stores a weight: GPT-2's `Conv1D` is `[in, out]`, `Linear` is `[out, in]`. */
export type WeightLayout = 'in-out' | 'out-in';
