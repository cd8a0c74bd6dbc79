import { dense, rmsNorm, rotary, rotaryTables, splitHeads, swiGlu } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Blueprint, Lookup, ParamSpec } from './blueprint.js';

/** A `Linear` of the checkpoint without bias: weight `[out, in]`. */
const project = (x: tf.Tensor, get: Lookup, name: string): tf.Tensor =>
  dense(x, get(`${name}.weight`), 'out-in');

const denseSpec = (name: string, from: number, to: number): ParamSpec => ({
  name: `${name}.weight`,
  shape: [to, from],
  initial: 'normal',
});

const normSpec = (name: string, width: number): ParamSpec => ({
  name: `${name}.weight`,
  shape: [width],
  initial: 'ones',
});

/** Llama: RMS norm, rotary positions, grouped-query attention, SwiGLU, no biases. */
export const llama: Blueprint = {
  embedding: 'model.embed_tokens.weight',
  finalNorm: 'model.norm',
  layer: (index) => `model.layers.${index}`,
  norms: ['input_layernorm', 'post_attention_layernorm'],
  norm: (x, get, name, epsilon) => rmsNorm(x, get(`${name}.weight`), epsilon),

  specs: ({ vocabSize, hiddenSize: width, intermediateSize, layers, heads, keyValueHeads }) => {
    const keyWidth = (width / heads) * keyValueHeads;
    return [
      { name: 'model.embed_tokens.weight', shape: [vocabSize, width], initial: 'normal' },
      ...Array.from({ length: layers }, (_, i) => `model.layers.${i}`).flatMap((layer) => [
        normSpec(`${layer}.input_layernorm`, width),
        denseSpec(`${layer}.self_attn.q_proj`, width, width),
        denseSpec(`${layer}.self_attn.k_proj`, width, keyWidth),
        denseSpec(`${layer}.self_attn.v_proj`, width, keyWidth),
        denseSpec(`${layer}.self_attn.o_proj`, width, width),
        normSpec(`${layer}.post_attention_layernorm`, width),
        denseSpec(`${layer}.mlp.gate_proj`, width, intermediateSize),
        denseSpec(`${layer}.mlp.up_proj`, width, intermediateSize),
        denseSpec(`${layer}.mlp.down_proj`, intermediateSize, width),
      ]),
      normSpec('model.norm', width),
    ];
  },

  rotary: ({ hiddenSize, heads, ropeTheta }, positions) =>
    rotaryTables(positions, hiddenSize / heads, ropeTheta),

  heads: (x, get, layer, { heads, keyValueHeads }, { batch, rotary: tables }) => {
    const parts = ['q', 'k', 'v'].map((part) => project(x, get, `${layer}.self_attn.${part}_proj`));
    // One transposition and one turn serve queries and keys: heads [q..., k..., v...]
    const all = splitHeads(tf.concat(parts, 1), batch, heads + 2 * keyValueHeads);
    const [turning, v] = tf.split(all, [heads + keyValueHeads, keyValueHeads], 1) as tf.Tensor[];
    const [q, k] = tf.split(rotary(turning!, tables!), [heads, keyValueHeads], 1) as tf.Tensor[];
    return { q: q!, k: k!, v: v! };
  },
  attentionOutput: (x, get, layer) => project(x, get, `${layer}.self_attn.o_proj`),
  mlp: (x, get, layer) => {
    const gate = project(x, get, `${layer}.mlp.gate_proj`);
    const up = project(x, get, `${layer}.mlp.up_proj`);
    return project(swiGlu(gate, up), get, `${layer}.mlp.down_proj`);
  },
};
