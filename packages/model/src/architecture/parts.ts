import {
  type WeightLayout,
  gelu,
  geluTanh,
  layerNorm,
  rmsNorm,
  splitHeads,
  swiGlu,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Activation, ModelConfig } from '../config/types.js';
import { linear as project } from '../lora/apply.js';
import type { AttentionPart, Initial, Lookup, MlpPart, Norm, ParamSpec } from './blueprint.js';
import { headDimOf, variation } from './derived.js';

type Decide = (config: ModelConfig) => boolean;

const always: Decide = () => true;
const never: Decide = () => false;

const vector = (name: string, width: number, initial: Initial): ParamSpec => ({
  name,
  shape: [width],
  initial,
});

/** RMS norm. */
export const rms: Norm = {
  specs: (name, width) => [vector(`${name}.weight`, width, 'ones')],
  apply: (x, get, name, epsilon) => rmsNorm(x, get(`${name}.weight`), epsilon),
};

/** RMS norm whose gain is 1 plus the parameter. */
export const rmsAroundOne: Norm = {
  specs: (name, width) => [vector(`${name}.weight`, width, 'zeros')],
  apply: (x, get, name, epsilon) => rmsNorm(x, tf.add(get(`${name}.weight`), 1), epsilon),
};

/** Layer norm with gain and bias. */
export const layerNormed: Norm = {
  specs: (name, width) => [
    vector(`${name}.weight`, width, 'ones'),
    vector(`${name}.bias`, width, 'zeros'),
  ],
  apply: (x, get, name, epsilon) =>
    layerNorm(x, get(`${name}.weight`), get(`${name}.bias`), epsilon),
};

/** Layer norm with a gain only. */
export const layerNormedWithoutBias: Norm = {
  specs: (name, width) => [vector(`${name}.weight`, width, 'ones')],
  apply: (x, get, name, epsilon) => layerNorm(x, get(`${name}.weight`), undefined, epsilon),
};

/** An affine map of the checkpoint. */
interface Linear {
  readonly specs: (from: number, to: number, bias: boolean, initial?: Initial) => ParamSpec[];
  readonly apply: (x: tf.Tensor, get: Lookup, bias: boolean) => tf.Tensor;
}

const linear = (name: string, layout: WeightLayout = 'out-in'): Linear => ({
  specs: (from, to, bias, initial = 'normal') => [
    { name: `${name}.weight`, shape: layout === 'in-out' ? [from, to] : [to, from], initial },
    ...(bias ? [vector(`${name}.bias`, to, 'zeros')] : []),
  ],
  apply: (x, get, bias) => project(x, get, name, layout, bias),
});

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

/** The gains of each head are a parameter `[d]`. */
export const headGainVectors = headGains(
  (name, heads, width) =>
    Array.from({ length: heads }, (_, i) => vector(`${name}.norms.${i}.weight`, width, 'ones')),
  (get, name, heads) =>
    tf.concat(Array.from({ length: heads }, (_, i) => get(`${name}.norms.${i}.weight`))),
);

/** What one projection or three may vary in. */
export interface AttentionOptions {
  /** The module, whose name its parameters begin with. */
  readonly module: string;
  readonly output: string;
  readonly inputBias?: Decide;
  readonly outputBias?: Decide;
}

const joined = (...names: readonly string[]): string => names.join('.');

/** The output projection, the same for all. */
const outputPart = (
  { module, output, outputBias = never }: AttentionOptions,
  layout: WeightLayout,
  initial: Initial,
) => ({
  specs: (config: ModelConfig, layer: string): ParamSpec[] =>
    linear(joined(layer, module, output), layout).specs(
      config.heads * headDimOf(config),
      config.hiddenSize,
      outputBias(config),
      initial,
    ),
  apply: (x: tf.Tensor, get: Lookup, layer: string, config: ModelConfig): tf.Tensor =>
    linear(joined(layer, module, output), layout).apply(x, get, outputBias(config)),
});

/** Options of {@link separate}. */
export interface SeparateOptions extends AttentionOptions {
  /** Names of the norms of queries and keys, and how they norm. */
  readonly norms?: {
    readonly query: string;
    readonly key: string;
    readonly norm: QueryKeyNorm;
    readonly when: Decide;
  };
}

/** Queries, keys and values by a projection each: `q_proj`, `k_proj`, `v_proj`. */
export function separate({ norms, ...options }: SeparateOptions): AttentionPart {
  const { module, inputBias = never } = options;
  const output = outputPart(options, 'out-in', 'normal');
  const parts = ({ heads, keyValueHeads }: ModelConfig) =>
    [
      { name: 'q_proj', count: heads, norm: norms?.query },
      { name: 'k_proj', count: keyValueHeads, norm: norms?.key },
      { name: 'v_proj', count: keyValueHeads, norm: undefined },
    ] as const;
  return {
    specs: (config, layer) => [
      ...parts(config).flatMap(({ name, count }) =>
        linear(joined(layer, module, name)).specs(
          config.hiddenSize,
          count * headDimOf(config),
          inputBias(config),
        ),
      ),
      ...output.specs(config, layer),
      ...parts(config).flatMap(({ norm, count }) =>
        norms !== undefined && norm !== undefined && norms.when(config)
          ? norms.norm.specs(joined(layer, module, norm), count, headDimOf(config))
          : [],
      ),
    ],
    heads: (x, get, layer, config, batch) => {
      const rows = parts(config).map(({ name, count, norm }) => {
        const projected = linear(joined(layer, module, name)).apply(x, get, inputBias(config));
        if (norms === undefined || norm === undefined || !norms.when(config)) return projected;
        const full = joined(layer, module, norm);
        return norms.norm.apply(projected, get, full, count, config.normEpsilon);
      });
      // One transposition and one turn serve queries and keys.
      return splitHeads(tf.concat(rows, 1), batch, config.heads + 2 * config.keyValueHeads);
    },
    output: output.apply,
  };
}

/** Options of {@link fused}. */
export interface FusedOptions extends AttentionOptions {
  readonly input: string;
  readonly layout?: WeightLayout;
  /** Whether query, key and value of a head stand together, and not those of all heads. */
  readonly byHead?: boolean;
  readonly outputInitial?: Initial;
}

/** Queries, keys and values by one projection. */
export function fused(options: FusedOptions): AttentionPart {
  const { module, input, layout = 'out-in', inputBias = never, byHead = false } = options;
  const output = outputPart(options, layout, options.outputInitial ?? 'normal');
  return {
    specs: (config, layer) => [
      ...linear(joined(layer, module, input), layout).specs(
        config.hiddenSize,
        (config.heads + 2 * config.keyValueHeads) * headDimOf(config),
        inputBias(config),
      ),
      ...output.specs(config, layer),
    ],
    heads: (x, get, layer, config, batch) => {
      const all = linear(joined(layer, module, input), layout).apply(x, get, inputBias(config));
      if (!byHead) return splitHeads(all, batch, config.heads + 2 * config.keyValueHeads);
      // [B, H, T, 3 d] -> [B, 3 H, T, d]
      return tf.concat(tf.split(splitHeads(all, batch, config.heads), 3, 3), 1);
    },
    output: output.apply,
  };
}

const ACTIVATIONS: Readonly<Record<Activation, (x: tf.Tensor) => tf.Tensor>> = {
  gelu,
  geluTanh,
  relu: (x) => tf.relu(x),
};

/** The gated unit of a feed-forward part. */
export type Gate = (gate: tf.Tensor, up: tf.Tensor) => tf.Tensor;

/** The gate of SwiGLU. */
export const siluGate: Gate = swiGlu;

/** The gate of GeGLU, by the tanh approximation. */
export const geluGate: Gate = (gate, up) => tf.mul(geluTanh(gate), up);

const hasMlpBias: Decide = (config) => variation(config, 'mlpBias') === true;

/** `down(gate(x) * up(x))`, three projections. */
export const gated = (gate: Gate): MlpPart => ({
  specs: (config, layer) => {
    const { hiddenSize: width, intermediateSize: inner } = config;
    const bias = hasMlpBias(config);
    return [
      ...linear(`${layer}.mlp.gate_proj`).specs(width, inner, bias),
      ...linear(`${layer}.mlp.up_proj`).specs(width, inner, bias),
      ...linear(`${layer}.mlp.down_proj`).specs(inner, width, bias),
    ];
  },
  apply: (x, get, layer, config) => {
    const project = (rows: tf.Tensor, name: string): tf.Tensor =>
      linear(`${layer}.mlp.${name}`).apply(rows, get, hasMlpBias(config));
    return project(gate(project(x, 'gate_proj'), project(x, 'up_proj')), 'down_proj');
  },
});

/** {@link gated}, where gate and up are one projection. */
export const gatedTogether = (gate: Gate): MlpPart => ({
  specs: ({ hiddenSize: width, intermediateSize: inner }, layer) => [
    ...linear(`${layer}.mlp.gate_up_proj`).specs(width, 2 * inner, false),
    ...linear(`${layer}.mlp.down_proj`).specs(inner, width, false),
  ],
  apply: (x, get, layer) => {
    const both = linear(`${layer}.mlp.gate_up_proj`).apply(x, get, false);
    const [first, second] = tf.split(both, 2, 1) as [tf.Tensor, tf.Tensor];
    return linear(`${layer}.mlp.down_proj`).apply(gate(first, second), get, false);
  },
});

/** Options of {@link plainMlp}. */
export interface PlainMlpOptions {
  readonly up: string;
  readonly down: string;
  readonly layout?: WeightLayout;
  readonly activation: (config: ModelConfig) => Activation;
  readonly bias?: Decide;
  readonly outputInitial?: Initial;
}

/** `down(activation(up(x)))`. */
export const plainMlp = ({
  up,
  down,
  layout = 'out-in',
  activation,
  bias = always,
  outputInitial = 'normal',
}: PlainMlpOptions): MlpPart => ({
  specs: (config, layer) => {
    const { hiddenSize: width, intermediateSize: inner } = config;
    return [
      ...linear(joined(layer, up), layout).specs(width, inner, bias(config)),
      ...linear(joined(layer, down), layout).specs(inner, width, bias(config), outputInitial),
    ];
  },
  apply: (x, get, layer, config) => {
    const inner = linear(joined(layer, up), layout).apply(x, get, bias(config));
    const active = ACTIVATIONS[activation(config)](inner);
    return linear(joined(layer, down), layout).apply(active, get, bias(config));
  },
});
