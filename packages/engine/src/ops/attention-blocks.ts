import * as tf from '@tensorflow/tfjs-core';

import { type Block, blockBias, type MaskRules } from './attention-bias.js';
import {
  attentionGradient,
  attentionWeights,
  mix,
  type Operands,
  type ScoreRules,
} from './attention-weights.js';
import { sliceAxis } from './slice.js';
import { withGradient } from './with-gradient.js';

/** The blocks of `size` queries, and the keys that each may see. */
export function blocksOf(time: number, keys: number, size: number, causal: boolean): Block[] {
  return Array.from({ length: Math.ceil(time / size) }, (_, i) => {
    const to = Math.min(time, (i + 1) * size);
    return { from: i * size, to, keys: causal ? keys - time + to : keys };
  });
}

const stretch = (x: tf.Tensor, from: number, to: number): tf.Tensor => sliceAxis(x, 2, from, to);

/** `[B, K, t, d]` followed by zeros up to `[B, K, S, d]`. */
const padded = (x: tf.Tensor, keys: number): tf.Tensor =>
  x.shape[2] === keys
    ? x
    : tf.pad(x, [
        [0, 0],
        [0, 0],
        [0, keys - x.shape[2]!],
        [0, 0],
      ]);

/**
 * Block after block of queries, each with the keys that it may see; nothing but the inputs is kept,
 * and the gradient computes each block's weights again.
 */
export function blockwise(
  all: Operands,
  rules: MaskRules,
  scoring: ScoreRules,
  blocks: readonly Block[],
): tf.Tensor {
  const keys = all.k.shape[2]!;
  const before = keys - all.q.shape[2]!;
  const inputs = [all.q, all.k, all.v];
  const masks = [rules.bias, rules.keyMask].filter((mask) => mask !== undefined);
  const rulesOf = (saved: readonly tf.Tensor[]): MaskRules => ({
    ...rules,
    ...(rules.bias && { bias: saved[0]! }),
    ...(rules.keyMask && { keyMask: saved[saved.length - 1]! }),
  });
  /** What a block works on, and its weights. */
  const inBlock = (block: Block, { q, k, v }: Operands, given: MaskRules) => {
    const part = {
      q: stretch(q, block.from, block.to),
      k: stretch(k, 0, block.keys),
      v: stretch(v, 0, block.keys),
    };
    const bias = blockBias(given, block, before);
    return { part, weights: attentionWeights(part.q, part.k, bias, scoring) };
  };
  return withGradient({
    inputs,
    save: [...inputs, ...masks],
    value: () =>
      tf.concat(
        blocks.map((block) =>
          tf.tidy(() => {
            const { part, weights } = inBlock(block, all, rules);
            return mix(weights, part.v);
          }),
        ),
        2,
      ),
    gradient: (dy, [q, k, v, ...others]) => {
      const operands = { q: q!, k: k!, v: v! };
      const given = rulesOf(others);
      const dqs: tf.Tensor[] = [];
      let [dk, dv]: (tf.Tensor | undefined)[] = [];
      for (const block of blocks) {
        const [dq, dkNext, dvNext] = tf.tidy(() => {
          const { part, weights } = inBlock(block, operands, given);
          const dPart = stretch(dy, block.from, block.to);
          const [first, ...rest] = attentionGradient(dPart, weights, part, scoring);
          const sum = (total: tf.Tensor | undefined, x: tf.Tensor): tf.Tensor =>
            total === undefined ? padded(x, keys) : tf.add(total, padded(x, keys));
          return [first!, sum(dk, rest[0]!), sum(dv, rest[1]!)];
        }) as [tf.Tensor, tf.Tensor, tf.Tensor];
        // A tape that is on keeps what it needs itself.
        tf.dispose([dk, dv].filter((x) => x !== undefined));
        dqs.push(dq);
        [dk, dv] = [dkNext, dvNext];
      }
      return [tf.concat(dqs, 2), dk!, dv!];
    },
  });
}
