import { padTo } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/** How tokens are drawn inside of a graph. Tensors may change from call to call; the rest is part of what a graph is for. */
export type Draw = {
  /** More than 0. */
  readonly temperature: tf.Scalar;
  /** int32 */
  readonly topK: tf.Scalar;
  readonly topP: tf.Scalar;
  /** Which of them take effect: `all` draws by temperature alone, `best` takes the most probable token. */
  readonly among: 'all' | 'some' | 'best';
  /** So many of the first columns may be drawn; the others count for `softmax(logits)` alone. */
  readonly drawable: number;
};

/** Vocabulary up to which a graph filters: it compares all tokens with all. */
export const LARGEST_FILTER = 256;

/** Vocabulary up to which one product with a triangle of that size gives cumulative sums. */
const LARGEST_TRIANGLE = 1024;

/** The largest number below 1 in float32: a draw must not reach the sum of all weights. */
const BELOW_ONE = 1 - 2 ** -24;

const column = (x: tf.Tensor): tf.Tensor => tf.reshape(x, [-1, 1]);
const range = (length: number): tf.Tensor => tf.range(0, length, 1, 'int32');
const number = (condition: tf.Tensor): tf.Tensor => tf.cast(condition, 'float32');

/** Sums of each row up to and with each place; of `[R, n]`. */
function cumulate(rows: tf.Tensor): tf.Tensor {
  const index = range(rows.shape[1]!);
  const upTo = number(tf.lessEqual(column(index), index));
  return tf.matMul(rows as tf.Tensor2D, upTo as tf.Tensor2D);
}

/** How many sums do not exceed a target, `[R]`: where the weights reach it. */
const reached = (sums: tf.Tensor, target: tf.Tensor): tf.Tensor =>
  tf.sum(tf.cast(tf.lessEqual(sums, target), 'int32'), 1);

const lastOf = (sums: tf.Tensor): tf.Tensor => tf.slice(sums, [0, sums.shape[1]! - 1], [-1, 1]);

/** Tokens `[R]` by inverse CDF, as `sampleToken` does it for one row; `weights` is `[R, V]`. */
function invert(weights: tf.Tensor, uniform: tf.Tensor): tf.Tensor {
  const [rows, vocabulary] = weights.shape as [number, number];
  const share = tf.minimum(column(uniform), BELOW_ONE);
  if (vocabulary <= LARGEST_TRIANGLE) {
    const sums = cumulate(weights);
    return reached(sums, tf.mul(lastOf(sums), share));
  }
  // In two steps, so that no product grows with the square of the vocabulary: the block of tokens, then the token in it.
  const size = 2 ** Math.ceil(Math.log2(vocabulary) / 2);
  const count = Math.ceil(vocabulary / size);
  const blocks = tf.reshape(padTo(weights, count * size), [rows, count, size]);
  const sums = cumulate(tf.sum(blocks, 2));
  const target = tf.mul(lastOf(sums), share);
  const block = reached(sums, target);
  const chosen = number(tf.equal(range(count), column(block)));
  const before = tf.sum(
    tf.mul(sums, number(tf.equal(range(count), column(tf.sub(block, 1))))),
    1,
    true,
  );
  const within = cumulate(tf.sum(tf.mul(blocks, tf.reshape(chosen, [rows, count, 1])), 1));
  const rest = tf.minimum(tf.sub(target, before), tf.mul(lastOf(within), BELOW_ONE));
  return tf.add(tf.mul(block, tf.scalar(size, 'int32')), reached(within, rest));
}

/** The weights `[R, V]` that top-k, then top-p keep, 0 for the others: as the processors of these names. */
function filter(weights: tf.Tensor, { topK, topP }: Draw): tf.Tensor {
  const [rows, vocabulary] = weights.shape as [number, number];
  const one = tf.reshape(weights, [rows, vocabulary, 1]);
  const other = tf.reshape(weights, [rows, 1, vocabulary]);
  const larger = number(tf.greater(other, one));
  const inTopK = number(tf.less(tf.sum(larger, 2), tf.cast(topK, 'float32')));
  const kept = tf.mul(weights, inTopK);
  const index = range(vocabulary);
  const earlier = tf.mul(number(tf.equal(other, one)), number(tf.less(index, column(index))));
  const before = tf.sum(
    tf.mul(tf.add(larger, earlier), tf.reshape(kept, [rows, 1, vocabulary])),
    2,
  );
  const total = tf.sum(kept, 1, true);
  // All of it may not be reached for rounding; then nothing is left out.
  const inTopP = number(
    tf.logicalOr(tf.less(before, tf.mul(total, topP)), tf.greaterEqual(topP, 1)),
  );
  return tf.mul(kept, inTopP);
}

/** A token a row, `[R]`, with its log-probability under `softmax(logits)` and under the distribution it was drawn from. */
export function draw(
  logits: tf.Tensor,
  uniform: tf.Tensor,
  how: Draw,
): [token: tf.Tensor, logProb: tf.Tensor, sampledLogProb: tf.Tensor] {
  const shift = (x: tf.Tensor): tf.Tensor => tf.sub(x, tf.max(x, 1, true));
  const shifted = shift(logits);
  const at = (x: tf.Tensor, token: tf.Tensor): tf.Tensor =>
    tf.sum(tf.mul(x, number(tf.equal(range(x.shape[1]!), column(token)))), 1);
  const logProb = (token: tf.Tensor): tf.Tensor =>
    tf.sub(at(shifted, token), tf.log(tf.sum(tf.exp(shifted), 1)));
  const padded = how.drawable < logits.shape[1]!;
  const ours = padded ? tf.slice(logits, [0, 0], [-1, how.drawable]) : logits;
  if (how.among === 'best') {
    const token = tf.cast(tf.argMax(ours, 1), 'int32');
    const drawn = logProb(token);
    return [token, drawn, tf.zerosLike(drawn)];
  }
  const cooled = tf.div(padded ? shift(ours) : shifted, how.temperature);
  const all = tf.exp(cooled);
  const weights = how.among === 'all' ? all : filter(all, how);
  const token = tf.cast(invert(weights, uniform), 'int32');
  return [token, logProb(token), tf.sub(at(cooled, token), tf.log(tf.sum(weights, 1)))];
}
