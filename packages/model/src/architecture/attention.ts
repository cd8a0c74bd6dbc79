import { type WeightLayout, splitHeads } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { ModelConfig } from '../config/types.js';
import type { AttentionPart, Initial } from './blueprint.js';
import { headDimOf } from './derived.js';
import { type Decide, linear } from './linear.js';
import type { QueryKeyNorm } from './norms.js';

interface AttentionOptions {
  /** The module, whose name its parameters begin with. */
  readonly module: string;
  readonly output: string;
  readonly inputBias?: Decide;
  readonly outputBias?: Decide;
}

/** The heads of queries, keys and values together. */
const allHeads = ({ heads, keyValueHeads }: ModelConfig): number => heads + 2 * keyValueHeads;

const outputOf = (
  { module, output, outputBias }: AttentionOptions,
  options: { readonly layout?: WeightLayout; readonly initial?: Initial } = {},
) =>
  linear(`${module}.${output}`, (config) => [config.heads * headDimOf(config), config.hiddenSize], {
    ...options,
    bias: outputBias,
  });

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
  const { module, inputBias } = options;
  const output = outputOf(options);
  const part = (name: string, heads: 'heads' | 'keyValueHeads', norm?: string) => ({
    heads,
    projection: linear(
      `${module}.${name}`,
      (config) => [config.hiddenSize, config[heads] * headDimOf(config)],
      { bias: inputBias },
    ),
    norm: norm === undefined ? undefined : { ...norms!, name: `${module}.${norm}` },
  });
  const parts = [
    part('q_proj', 'heads', norms?.query),
    part('k_proj', 'keyValueHeads', norms?.key),
    part('v_proj', 'keyValueHeads'),
  ];
  return {
    specs: (config, layer) => [
      ...parts.flatMap(({ projection }) => projection.specs(config, layer)),
      ...output.specs(config, layer),
      ...parts.flatMap(({ norm, heads }) =>
        norm?.when(config)
          ? norm.norm.specs(`${layer}.${norm.name}`, config[heads], headDimOf(config))
          : [],
      ),
    ],
    heads: (x, get, layer, config, batch) => {
      const rows = parts.map(({ projection, norm, heads }) => {
        const projected = projection.apply(x, get, layer, config);
        if (!norm?.when(config)) return projected;
        const name = `${layer}.${norm.name}`;
        return norm.norm.apply(projected, get, name, config[heads], config.normEpsilon);
      });
      // One transposition and one turn serve queries and keys.
      return splitHeads(tf.concat(rows, 1), batch, allHeads(config));
    },
    output: output.apply,
  };
}

export interface FusedOptions extends AttentionOptions {
  readonly input: string;
  readonly layout?: WeightLayout;
  /** Whether query, key and value of a head stand together, and not those of all heads. */
  readonly byHead?: boolean;
  readonly outputInitial?: Initial;
}

/** Queries, keys and values by one projection. */
export function fused({
  input: name,
  layout = 'out-in',
  byHead = false,
  outputInitial = 'normal',
  ...options
}: FusedOptions): AttentionPart {
  const input = linear(
    `${options.module}.${name}`,
    (config) => [config.hiddenSize, allHeads(config) * headDimOf(config)],
    { layout, bias: options.inputBias },
  );
  const output = outputOf(options, { layout, initial: outputInitial });
  return {
    specs: (config, layer) => [...input.specs(config, layer), ...output.specs(config, layer)],
    heads: (x, get, layer, config, batch) => {
      const all = input.apply(x, get, layer, config);
      if (!byHead) return splitHeads(all, batch, allHeads(config));
      // [B, H, T, 3 d] -> [B, 3 H, T, d]
      return tf.concat(tf.split(splitHeads(all, batch, config.heads), 3, 3), 1);
    },
    output: output.apply,
  };
}
