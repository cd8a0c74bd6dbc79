import { readFileSync } from 'node:fs';

import { decodeSafetensors, fromHuggingFaceConfig } from '@cfrl/model';
import type { ModelConfig } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

type Padding = 'none' | 'left' | 'right';
type Tensors = Readonly<Record<string, tf.Tensor>>;

/** What transformers computed; see tools/fixtures/model/make.py. */
export interface Fixture {
  readonly config: ModelConfig;
  readonly params: Tensors;
  readonly gradients: Tensors;
  readonly loss: number;
  readonly batch: (padding: Padding) => {
    readonly tokens: tf.Tensor2D;
    readonly attentionMask: tf.Tensor2D;
    readonly logits: tf.Tensor3D;
    readonly features: tf.Tensor3D;
  };
  /** Prompts, and the tokens that greedy generation writes. */
  readonly generation: () => { readonly prompts: number[][]; readonly tokens: number[][] };
  readonly dispose: () => void;
}

export const FIXTURES = ['gpt2-tied', 'gpt2-untied', 'llama-tied', 'llama-grouped'] as const;

const under = (tensors: Tensors, prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );

export function loadFixture(name: string): Fixture {
  const file = readFileSync(new URL(`fixtures/${name}.safetensors`, import.meta.url));
  const { tensors, metadata } = decodeSafetensors(file);
  return {
    config: fromHuggingFaceConfig(JSON.parse(metadata['config']!) as Record<string, unknown>),
    params: under(tensors, 'params/'),
    gradients: under(tensors, 'gradients/'),
    loss: tensors['loss']!.dataSync()[0]!,
    batch: (padding) => {
      const { tokens, mask, logits, features } = under(tensors, `${padding}/`);
      return {
        tokens: tokens as tf.Tensor2D,
        attentionMask: mask as tf.Tensor2D,
        logits: logits as tf.Tensor3D,
        features: features as tf.Tensor3D,
      };
    },
    generation: () => {
      const { prompts, mask, tokens } = under(tensors, 'generation/');
      const [ids, real] = [prompts!, mask!].map((x) => x.arraySync() as number[][]);
      return {
        prompts: ids!.map((row, i) => row.filter((_, t) => real![i]![t] === 1)),
        tokens: tokens!.arraySync() as number[][],
      };
    },
    dispose: () => tf.dispose(tensors as Record<string, tf.Tensor>),
  };
}

/** Largest difference between two tensors, over the spread of the expected one. */
export function relativeError(actual: tf.Tensor, expected: tf.Tensor): number {
  const [a, e] = [actual.dataSync(), expected.dataSync()];
  if (a.length !== e.length) return NaN;
  const spread = Math.max(...e) - Math.min(...e);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - e[i]!))) / spread;
}

/** Zeros at padded positions of `[B, T, n]`, where values mean nothing. */
export const onReal = (x: tf.Tensor, mask: tf.Tensor): tf.Tensor =>
  tf.tidy(() => {
    const real = tf.cast(tf.expandDims(mask, -1), 'bool');
    return tf.where(real, x, tf.zerosLike(x));
  });
