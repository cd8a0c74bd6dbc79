import { fold, randomNormal, rng } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import { initParams, modelConfig } from '@cfrl/model';
import type { ModelConfig } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';

/** Small configurations of both architectures, every field drawn. */
export const configs = (vocabSize: fc.Arbitrary<number> = fc.integer({ min: 3, max: 12 })) =>
  fc
    .record({
      architecture: fc.constantFrom('gpt2' as const, 'llama' as const),
      vocabSize,
      headWidth: fc.constantFrom(2, 4, 6),
      keyValueHeads: fc.integer({ min: 1, max: 2 }),
      group: fc.integer({ min: 1, max: 3 }),
      intermediateSize: fc.integer({ min: 1, max: 20 }),
      layers: fc.integer({ min: 1, max: 3 }),
      maxPositions: fc.integer({ min: 6, max: 20 }),
      normEpsilon: fc.constantFrom(1e-6, 1e-5, 1e-3),
      ropeTheta: fc.constantFrom(37, 10000, 500000),
      tiedEmbeddings: fc.boolean(),
      initializerRange: fc.constantFrom(0.02, 0.3),
    })
    .map(({ headWidth, keyValueHeads, group, ropeTheta, ...rest }): ModelConfig => {
      const heads = keyValueHeads * group;
      const gpt2 = rest.architecture === 'gpt2';
      return modelConfig({
        ...rest,
        heads,
        hiddenSize: heads * headWidth,
        keyValueHeads: gpt2 ? heads : keyValueHeads,
        ropeTheta: gpt2 ? 10000 : ropeTheta, // without effect there, and not written
      });
    });

/** Parameters that are all random, gains and biases as well; the caller owns them. */
export function randomParams(config: ModelConfig, seed: number, std = 0.3): Params {
  const initial = initParams(config, 0);
  const random = Object.entries(initial).map(([name, { shape }]) =>
    tf.tidy(() => {
      const noise = randomNormal(rng(fold(seed, name)), shape, std);
      return [name, /(norm|ln_\w)\.weight$/.test(name) ? tf.add(noise, 1) : noise] as never;
    }),
  );
  tf.dispose(initial as Record<string, tf.Tensor>);
  return Object.fromEntries(random) as Params;
}

export const matrix = (rows: readonly (readonly number[])[]): tf.Tensor2D =>
  tf.tensor2d(rows.flat(), [rows.length, rows[0]!.length], 'int32');

/** A record without one entry. */
export const without = <T>(record: Readonly<Record<string, T>>, name: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => key !== name));
