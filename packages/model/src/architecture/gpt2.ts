import { dense, embedding, geluTanh, layerNorm, splitHeads } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Blueprint, Initial, Lookup, ParamSpec } from './blueprint.js';

/** A `Conv1D` of the checkpoint: weight `[in, out]` and bias. */
const project = (x: tf.Tensor, get: Lookup, name: string): tf.Tensor =>
  dense(x, get(`${name}.weight`), 'in-out', get(`${name}.bias`));

const denseSpec = (name: string, from: number, to: number, initial: Initial): ParamSpec[] => [
  { name: `${name}.weight`, shape: [from, to], initial },
  { name: `${name}.bias`, shape: [to], initial: 'zeros' },
];

const normSpec = (name: string, width: number): ParamSpec[] => [
  { name: `${name}.weight`, shape: [width], initial: 'ones' },
  { name: `${name}.bias`, shape: [width], initial: 'zeros' },
];

/** GPT-2: layer norm, learned positions, one fused query-key-value projection, GELU, biases. */
export const gpt2: Blueprint = {
  embedding: 'transformer.wte.weight',
  finalNorm: 'transformer.ln_f',
  layer: (index) => `transformer.h.${index}`,
  norms: ['ln_1', 'ln_2'],
  norm: (x, get, name, epsilon) =>
    layerNorm(x, get(`${name}.weight`), get(`${name}.bias`), epsilon),

  specs: ({ vocabSize, maxPositions, hiddenSize: width, intermediateSize, layers }) => [
    { name: 'transformer.wte.weight', shape: [vocabSize, width], initial: 'normal' },
    { name: 'transformer.wpe.weight', shape: [maxPositions, width], initial: 'normal' },
    ...Array.from({ length: layers }, (_, i) => `transformer.h.${i}`).flatMap((layer) => [
      ...normSpec(`${layer}.ln_1`, width),
      ...denseSpec(`${layer}.attn.c_attn`, width, 3 * width, 'normal'),
      ...denseSpec(`${layer}.attn.c_proj`, width, width, 'residual'),
      ...normSpec(`${layer}.ln_2`, width),
      ...denseSpec(`${layer}.mlp.c_fc`, width, intermediateSize, 'normal'),
      ...denseSpec(`${layer}.mlp.c_proj`, intermediateSize, width, 'residual'),
    ]),
    ...normSpec('transformer.ln_f', width),
  ],

  positionRows: (get, positions) => embedding(get('transformer.wpe.weight'), positions),

  heads: (x, get, layer, { heads }, { batch }) => {
    const all = splitHeads(project(x, get, `${layer}.attn.c_attn`), batch, 3 * heads);
    const [q, k, v] = tf.split(all, 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { q, k, v };
  },
  attentionOutput: (x, get, layer) => project(x, get, `${layer}.attn.c_proj`),
  mlp: (x, get, layer) =>
    project(geluTanh(project(x, get, `${layer}.mlp.c_fc`)), get, `${layer}.mlp.c_proj`),
};
