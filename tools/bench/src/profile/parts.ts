import {
  type Params,
  adamw,
  applyUpdates,
  attention,
  causalMask,
  chain,
  clipByGlobalNorm,
  compile,
  gatherLogProbs,
  geluTanh,
  layerNorm,
  valueAndGrad,
} from '@cfrl/engine';
import { forward } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

import { type Size, freshModel, sizes, tokenizer } from '../ours/model.js';
import { medianTimes } from './timing.js';

/** Milliseconds that the parts of a training step take by themselves, times how often a step has them. */
export interface Parts {
  readonly size: Size;
  readonly step: number;
  /** By name; the parts overlap neither with each other nor cover the step: what fuses with its neighbours is not counted twice. */
  readonly parts: Readonly<Record<string, number>>;
  /** The matrix products together, ms, and the GFLOP/s that they reach by themselves. */
  readonly products: number;
  readonly gflops: number;
}

const [BATCH, TIME] = [64, 32];
const ROWS = BATCH * TIME;

const matrix = (rows: number, columns: number): tf.Tensor2D =>
  tf.randomNormal([rows, columns], 0, 1, 'float32', 1);

/** A function together with its gradient: what training computes of it. */
const trained = (f: (inputs: Params) => tf.Tensor, inputs: Params) => (): Params => {
  const { value, grads } = valueAndGrad((given) => tf.sum(f(given)))(inputs);
  return { value, ...grads };
};

/** The training step of one model, and its parts. */
export function measureParts(size: Size, rounds: number): Parts {
  const { layers, hiddenSize: width, heads } = sizes[size];
  const vocabulary = tokenizer.vocabSize;
  const { config, params } = freshModel(sizes[size]);
  const optimizer = chain(clipByGlobalNorm(1), adamw({ learningRate: 1e-3 }));
  const moments: Params = { ...optimizer.init(params) };
  const ids = Int32Array.from({ length: ROWS }, (_, i) => (i * 31) % vocabulary);
  const tokens = tf.tensor2d(ids, [BATCH, TIME], 'int32');
  const loss = (p: Params): tf.Tensor =>
    tf.neg(tf.mean(gatherLogProbs(forward(p, config, { tokens }).logits, tokens)));
  const gradients: Params = tf.tidy(() => ({ ...valueAndGrad(loss)(params).grads }));
  const apply = (grads: Params) => {
    const { updates, state } = optimizer.update(grads, moments, params);
    return { params: applyUpdates(params, updates), state: { ...state } };
  };
  const [x, wide] = [matrix(ROWS, width), matrix(ROWS, 4 * width)];
  const qkv: tf.Tensor = tf.randomNormal([BATCH, heads, TIME, width / heads], 0, 1, 'float32', 2);
  const mask = causalMask(TIME);
  const norm = { x, gain: tf.ones([width]), bias: tf.zeros([width]) };
  const product = (columns: number, from = x) => {
    const inputs = { a: from, b: matrix(from.shape[1], columns) };
    return trained(({ a, b }) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D), inputs);
  };
  const attend = trained(({ q, k, v }) => attention(q!, k!, v!, mask), { q: qkv, k: qkv, v: qkv });
  const normalize = trained((n) => layerNorm(n['x']!, n['gain']!, n['bias']!, 1e-5), norm);
  const programs: readonly (readonly [name: string, times: number, f: () => unknown])[] = [
    ['step', 1, () => apply(valueAndGrad(loss)(params).grads)],
    ['products: width to 3 width', layers, product(3 * width)],
    ['products: width to width', layers, product(width)],
    ['products: width to 4 width', layers, product(4 * width)],
    ['products: 4 width to width', layers, product(width, wide)],
    ['products: width to vocabulary', 1, product(vocabulary)],
    ['attention', layers, attend],
    ['GELU', layers, trained(({ h }) => geluTanh(h!), { h: wide })],
    ['layer norms', 2 * layers + 1, normalize],
    ['clipping and AdamW', 1, () => apply(gradients)],
  ];
  const compiled = programs.map(([name, , f]) => compile(f as () => never, { name, xla: true }));
  const each = medianTimes(compiled, rounds);
  compiled.forEach((program) => program.dispose());
  const times = programs.map(([name, count], i) => [name, count * each[i]!] as const);
  const { step, ...parts } = Object.fromEntries(times) as { step: number };
  const products = times
    .filter(([name]) => name.startsWith('products'))
    .reduce((sum, [, ms]) => sum + ms, 0);
  // Three products of 2 N I O operations for each weight: forward, and the two gradients.
  const flops = 6 * ROWS * width * (layers * 12 * width + vocabulary);
  return { size, step, parts, products, gflops: flops / products / 1e6 };
}
