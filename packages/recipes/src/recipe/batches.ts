import type { ModelConfig } from '@cfrl/model';

/** Numbers of a block that a gradient keeps for each token, in widths of the residual stream (attention's scores come on top). */
const KEPT = 40;

/**
 * How many sequences of a length are read at once: about as many as `maxBytes` has room for, at least one. A gradient keeps the
 * activations of every layer, a forward pass those of one.
 */
export function sequencesWithin(
  { hiddenSize, layers, heads }: ModelConfig,
  length: number,
  maxBytes: number,
  gradient: boolean,
): number {
  const perLayer = 4 * length * (KEPT * hiddenSize + 3 * heads * length);
  return Math.max(1, Math.floor(maxBytes / (perLayer * (gradient ? layers : 1))));
}

/** How many rows of logits are computed at once, with what softmax and entropy make of them. */
export const rowsWithin = ({ vocabSize }: ModelConfig, maxBytes: number): number =>
  Math.max(1, Math.floor(maxBytes / (4 * 4 * vocabSize)));
