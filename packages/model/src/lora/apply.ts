import { type WeightLayout, dense, embedding } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Lookup } from '../architecture/blueprint.js';
import { factorNames, loraScale, rankOf, type LoraConfig } from './factors.js';
import { type Adapted, doraGain, weightUpdate } from './weight-update.js';

/** A module's result without bias, with that of its adapter: `y + scale B A x`, or DoRA's `m / |W + scale B A|` times this. */
function adapted(
  y: tf.Tensor,
  get: Lookup,
  lora: LoraConfig,
  module: Adapted,
  read: (a: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const { name, kind, layout } = module;
  const { a, b, magnitude } = factorNames(name, kind);
  const inner = tf.reshape(read(get(a)), [-1, rankOf(lora, name)]);
  const change = tf.reshape(dense(inner, get(b), 'out-in'), y.shape);
  const sum = tf.add(y, tf.mul(change, loraScale(lora, name)));
  if (!lora.dora) return sum;
  const v = tf.add(get(`${name}.weight`), weightUpdate(module, get, lora));
  return tf.mul(sum, doraGain(get(magnitude), v, layout));
}

/** The adapters that a module has a part in. */
const loraOf = ({ lora }: Lookup, module: string): LoraConfig | undefined =>
  lora?.modules.includes(module) ? lora : undefined;

/** The affine map of rows that a checkpoint calls `module`, with its adapter. */
export const linear = (
  x: tf.Tensor,
  get: Lookup,
  module: string,
  layout: WeightLayout,
  bias: boolean,
): tf.Tensor => {
  const lora = loraOf(get, module);
  const offset = bias ? get(`${module}.bias`) : undefined;
  const weight = get(`${module}.weight`);
  if (lora === undefined) return dense(x, weight, layout, offset);
  const y = dense(x, weight, layout);
  const sum = adapted(y, get, lora, { name: module, kind: 'linear', layout }, (a) =>
    dense(x, a, 'out-in'),
  );
  return offset === undefined ? sum : tf.add(sum, offset);
};

/** Rows of the token embedding, with its adapter. */
export const embedded = (tokens: tf.Tensor, get: Lookup, module: string): tf.Tensor => {
  const lora = loraOf(get, module);
  const y = embedding(get(`${module}.weight`), tokens);
  if (lora === undefined) return y;
  return adapted(y, get, lora, { name: module, kind: 'embedding', layout: 'in-out' }, (a) =>
    embedding(tf.transpose(a), tokens),
  );
};

/** A lookup that knows of adapters. */
export const withLora = (get: Lookup, lora: LoraConfig | undefined): Lookup =>
  lora === undefined ? get : Object.assign((name: string) => get(name), { lora });
