import type { Params } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

/** A batch of token sequences, padded behind. */
export interface TokenBatch {
  /** `[B, T]` int32. */
  readonly tokens: tf.Tensor2D;
  /** `[B, T]` int32, 1 on real tokens and 0 on padding. */
  readonly attentionMask: tf.Tensor2D;
}

/**
 * A causal language model on whole sequences: what it says after each token comes from one forward pass, so that every beginning of a
 * sequence is a context without a pass of its own. Every function of this package on sequences takes one; `sequenceModel(model)` of
 * `@cfrl/recipes` makes it.
 */
export interface SequenceModel {
  /** All parameters. */
  readonly params: Params;
  /** The name of `W`, `[V, D]`, in `params`: the head's, or the embedding's where they are tied. */
  readonly classifier: string;
  /** True if `W` is also the input embedding. */
  readonly tied: boolean;
  /** What the classifier reads, `[B, T, D]`; row `b` depends on sequence `b` alone. */
  readonly features: (params: Params, batch: TokenBatch) => tf.Tensor3D;
  /** Logits `[R, V]` of rows of features `[R, D]`; `phi W^T` where the model has no scale and no cap. */
  readonly logits: (params: Params, features: tf.Tensor2D) => tf.Tensor2D;
  /** Whether `logits` is `phi W^T`: then the kernel splits into R and G. Attribution needs it not. */
  readonly linear: boolean;
  /** Throws, in the words `where[i] is ..., expected ...`, for the first list of tokens that the model cannot read. */
  readonly checkTokens?: (where: string, sequences: readonly (readonly number[])[]) => void;
}

/** A sequence, and the positions in it that are looked at: each is a context, the tokens up to and with it. */
export interface Sequence {
  /** Token ids. */
  readonly tokens: readonly number[];
  /** Indices into `tokens`, ascending: what the model says after that token. @defaultValue all of them */
  readonly positions?: readonly number[];
}
