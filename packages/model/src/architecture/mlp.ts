import { type WeightLayout, gelu, geluTanh, swiGlu } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Activation, ModelConfig } from '../config/types.js';
import type { Initial, Part } from './blueprint.js';
import { variation } from './derived.js';
import { type Decide, always, linear } from './linear.js';

type Sizes = (config: ModelConfig) => readonly [number, number];
const into: Sizes = ({ hiddenSize, intermediateSize }) => [hiddenSize, intermediateSize];
const outOf: Sizes = ({ hiddenSize, intermediateSize }) => [intermediateSize, hiddenSize];

const specsOf =
  (...maps: readonly Part[]): Part['specs'] =>
  (config, layer) =>
    maps.flatMap((map) => map.specs(config, layer));

const ACTIVATIONS: Readonly<Record<Activation, (x: tf.Tensor) => tf.Tensor>> = {
  gelu,
  geluTanh,
  relu: (x) => tf.relu(x),
};

export type Gate = (gate: tf.Tensor, up: tf.Tensor) => tf.Tensor;

export const siluGate: Gate = swiGlu;

/** The gate of GeGLU, by the tanh approximation. */
export const geluGate: Gate = (gate, up) => tf.mul(geluTanh(gate), up);

/** `down(gate(x) * up(x))`, three projections. */
export function gated(unit: Gate): Part {
  const bias: Decide = (config) => variation(config, 'mlpBias') === true;
  const gate = linear('mlp.gate_proj', into, { bias });
  const up = linear('mlp.up_proj', into, { bias });
  const down = linear('mlp.down_proj', outOf, { bias });
  return {
    specs: specsOf(gate, up, down),
    apply: (x, ...rest) => down.apply(unit(gate.apply(x, ...rest), up.apply(x, ...rest)), ...rest),
  };
}

/** {@link gated}, where gate and up are one projection. */
export function gatedTogether(unit: Gate): Part {
  const both = linear('mlp.gate_up_proj', ({ hiddenSize, intermediateSize }) => [
    hiddenSize,
    2 * intermediateSize,
  ]);
  const down = linear('mlp.down_proj', outOf);
  return {
    specs: specsOf(both, down),
    apply: (x, ...rest) => {
      const [gate, up] = tf.split(both.apply(x, ...rest), 2, 1) as [tf.Tensor, tf.Tensor];
      return down.apply(unit(gate, up), ...rest);
    },
  };
}

export interface PlainMlpOptions {
  readonly up: string;
  readonly down: string;
  readonly activation: (config: ModelConfig) => Activation;
  readonly bias?: Decide;
  readonly layout?: WeightLayout;
  readonly outputInitial?: Initial;
}

/** `down(activation(up(x)))`. */
export function plainMlp({
  activation,
  bias = always,
  layout = 'out-in',
  outputInitial = 'normal',
  ...names
}: PlainMlpOptions): Part {
  const up = linear(names.up, into, { bias, layout });
  const down = linear(names.down, outOf, { bias, layout, initial: outputInitial });
  return {
    specs: specsOf(up, down),
    apply: (x, get, layer, config) => {
      const active = ACTIVATIONS[activation(config)](up.apply(x, get, layer, config));
      return down.apply(active, get, layer, config);
    },
  };
}
