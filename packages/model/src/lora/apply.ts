import { type WeightLayout, dense, embedding } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Lookup } from '../architecture/blueprint.js';
import { factorNames, loraScale, type LoraConfig, type ModuleKind } from './factors.js';

/** A module's result with that of its adapter, if it has one: `y + scale B A x`. */
function adapted(
  y: tf.Tensor,
  get: Lookup,
  module: string,
  kind: ModuleKind,
  read: (a: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const { lora } = get;
  if (lora === undefined || !lora.modules.includes(module)) return y;
  const { a, b } = factorNames(module, kind);
  const inner = tf.reshape(read(get(a)), [-1, lora.rank]);
  const change = tf.reshape(dense(inner, get(b), 'out-in'), y.shape);
  return tf.add(y, tf.mul(change, loraScale(lora)));
}

/** The affine map of rows that a checkpoint calls `module`, with its adapter. */
export const linear = (
  x: tf.Tensor,
  get: Lookup,
  module: string,
  layout: WeightLayout,
  bias: boolean,
): tf.Tensor => {
  const y = dense(x, get(`${module}.weight`), layout, bias ? get(`${module}.bias`) : undefined);
  return adapted(y, get, module, 'linear', (a) => dense(x, a, 'out-in'));
};

/** Rows of the token embedding, with its adapter. */
export const embedded = (tokens: tf.Tensor, get: Lookup, module: string): tf.Tensor =>
  adapted(embedding(get(`${module}.weight`), tokens), get, module, 'embedding', (a) =>
    embedding(tf.transpose(a), tokens),
  );

/** A lookup that knows of adapters. */
export const withLora = (get: Lookup, lora: LoraConfig | undefined): Lookup =>
  lora === undefined ? get : Object.assign((name: string) => get(name), { lora });
