import { layerNorm, rmsNorm } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Initial, Lookup, Norm, ParamSpec } from './blueprint.js';

const gain = (name: string, width: number, initial: Initial): ParamSpec => ({
  name: `${name}.weight`,
  shape: [width],
  initial,
});

export const rms: Norm = {
  specs: (name, width) => [gain(name, width, 'ones')],
  apply: (x, get, name, epsilon) => rmsNorm(x, get(`${name}.weight`), epsilon),
};

/** RMS norm whose gain is 1 plus the parameter. */
export const rmsAroundOne: Norm = {
  specs: (name, width) => [gain(name, width, 'zeros')],
  apply: (x, get, name, epsilon) => rmsNorm(x, tf.add(get(`${name}.weight`), 1), epsilon),
};

export const layerNormed: Norm = {
  specs: (name, width) => [
    gain(name, width, 'ones'),
    { name: `${name}.bias`, shape: [width], initial: 'zeros' },
  ],
  apply: (x, get, name, epsilon) =>
    layerNorm(x, get(`${name}.weight`), get(`${name}.bias`), epsilon),
};

export const layerNormedWithoutBias: Norm = {
  specs: (name, width) => [gain(name, width, 'ones')],
  apply: (x, get, name, epsilon) => layerNorm(x, get(`${name}.weight`), undefined, epsilon),
};

/** A norm of queries and keys as rows `[N, n d]` of `n` heads, before they turn. */
export interface QueryKeyNorm {
  readonly specs: (name: string, heads: number, width: number) => ParamSpec[];
  readonly apply: (
    x: tf.Tensor,
    get: Lookup,
    name: string,
    heads: number,
    epsilon: number,
  ) => tf.Tensor;
}

const asHeads = (x: tf.Tensor, heads: number): tf.Tensor =>
  tf.reshape(x, [x.shape[0]! * heads, x.shape[1]! / heads]);

/** Every head by itself, all with the same parameters. */
export const eachHead = (norm: Norm): QueryKeyNorm => ({
  specs: (name, _, width) => norm.specs(name, width),
  apply: (x, get, name, heads, epsilon) =>
    tf.reshape(norm.apply(asHeads(x, heads), get, name, epsilon), x.shape),
});

/** All heads as one row. */
export const allHeads = (norm: Norm): QueryKeyNorm => ({
  specs: (name, heads, width) => norm.specs(name, heads * width),
  apply: (x, get, name, _, epsilon) => norm.apply(x, get, name, epsilon),
});

/** Every head by itself, by a layer norm with gains of its own and no bias. */
const headGains = (
  specs: QueryKeyNorm['specs'],
  gains: (get: Lookup, name: string, heads: number) => tf.Tensor,
): QueryKeyNorm => ({
  specs,
  apply: (x, get, name, heads, epsilon) => {
    const rows = asHeads(x, heads);
    const even = layerNorm(rows, tf.ones([rows.shape[1]!]), undefined, epsilon);
    return tf.mul(tf.reshape(even, x.shape), tf.reshape(gains(get, name, heads), [-1]));
  },
});

/** The gains of all heads are one parameter `[n, d]`. */
export const headGainMatrix = headGains(
  (name, heads, width) => [{ name: `${name}.weight`, shape: [heads, width], initial: 'ones' }],
  (get, name) => get(`${name}.weight`),
);

const headNames = (name: string, heads: number): string[] =>
  Array.from({ length: heads }, (_, i) => `${name}.norms.${i}`);

/** The gains of each head are a parameter `[d]`. */
export const headGainVectors = headGains(
  (name, heads, width) => headNames(name, heads).map((head) => gain(head, width, 'ones')),
  (get, name, heads) => tf.concat(headNames(name, heads).map((head) => get(`${head}.weight`))),
);
