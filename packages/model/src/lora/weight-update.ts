import { type WeightLayout, stopGradient } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Lookup } from '../architecture/blueprint.js';
import { type LoraConfig, type ModuleKind, factorNames, loraScale } from './factors.js';

/** What a lookup expects, for its message. */
export const WEIGHTS_AND_FACTORS = 'the weights and factors of config.lora';

export interface Adapted {
  readonly name: string;
  readonly kind: ModuleKind;
  readonly layout: WeightLayout;
}

/** `scale B A` in the layout of the weight. */
export function weightUpdate(
  { name, kind, layout }: Adapted,
  get: Lookup,
  lora: LoraConfig,
): tf.Tensor {
  const { a, b } = factorNames(name, kind);
  const product = tf.matMul(get(b) as tf.Tensor2D, get(a) as tf.Tensor2D);
  return tf.mul(layout === 'out-in' ? product : tf.transpose(product), loraScale(lora, name));
}

/**
 * What DoRA multiplies each output by, `m / |V|` of `V = W + scale B A`, where the norm is over what goes in.
 * No gradient goes through the norm.
 *
 * @see Liu et al. 2024, equation 5 and section 4.3, https://arxiv.org/abs/2402.09353
 */
export const doraGain = (magnitude: tf.Tensor, v: tf.Tensor, layout: WeightLayout): tf.Tensor =>
  tf.div(magnitude, stopGradient(rowNorms(v, layout)));

/** The norm of each output's weights. */
export const rowNorms = (weight: tf.Tensor, layout: WeightLayout): tf.Tensor =>
  tf.sqrt(tf.sum(tf.square(weight), layout === 'out-in' ? 1 : 0));

/** The weight that computes what weight and adapter compute together: `V`, or DoRA's `m V / |V|`. */
export function mergedWeight(module: Adapted, get: Lookup, lora: LoraConfig): tf.Tensor {
  const v = tf.add(get(`${module.name}.weight`), weightUpdate(module, get, lora));
  if (!lora.dora) return v;
  const gain = doraGain(get(factorNames(module.name, module.kind).magnitude), v, module.layout);
  return tf.mul(v, module.layout === 'out-in' ? tf.expandDims(gain, 1) : gain);
}
