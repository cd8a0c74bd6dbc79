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
import { median } from '../statistics.js';

/**
 * The median milliseconds of each of several functions, which take turns: what disturbs the machine meets all.
 *
 * @param functions - give tensors, which are freed; called once before the clock runs
 */
export function medianTimes(functions: readonly (() => unknown)[], rounds: number): number[] {
  const samples: number[][] = functions.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    functions.forEach((f, i) => {
      const start = performance.now();
      const result = f();
      if (round > 0) samples[i]!.push(performance.now() - start);
      tf.dispose(result as tf.TensorContainer);
    });
  }
  return samples.map(median);
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

/**
 * The training step of one model, and its parts by themselves, times how often a step has them. The parts overlap neither with
 * each other nor cover the step: what fuses with its neighbours is not counted twice.
 *
 * @returns ms, and the GFLOP/s that the matrix products reach by themselves
 */
export function measureParts(size: Size, rounds: number) {
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
  const { step, ...parts } = Object.fromEntries(times) as { [part: string]: number; step: number };
  const products = times
    .filter(([name]) => name.startsWith('products'))
    .reduce((sum, [, ms]) => sum + ms, 0);
  // Three products of 2 N I O operations for each weight: forward, and the two gradients.
  const flops = 6 * ROWS * width * (layers * 12 * width + vocabulary);
  return { size, step, parts, products, gflops: flops / products / 1e6 };
}
