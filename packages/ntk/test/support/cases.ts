import { fold, normal, randomInt, rng } from '@cfrl/engine';
import type { PolicyGradientStep, SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';

import { randomContexts, tinyModel } from './models.js';
import type { Context, Shape } from './models.js';

/** A random model with contexts to look at and a step to take. */
export interface Case {
  readonly shape: Shape;
  readonly model: SplitModel<Context>;
  readonly contexts: readonly Context[];
  readonly contexts2: readonly Context[];
  readonly step: PolicyGradientStep<Context>;
}

const runs = Number(process.env['FC_RUNS'] ?? 8);

/**
 * Checks a property over random models, tied and untied unless told, of both kinds; tensors are
 * freed. A slow property takes a `share` of the runs.
 */
export function forAllCases(
  property: (given: Case) => void,
  { tied, share = 1 }: { readonly tied?: boolean; readonly share?: number } = {},
): void {
  const arbitrary = fc.record({
    kind: fc.constantFrom('mlp' as const, 'attention' as const),
    tied: tied === undefined ? fc.boolean() : fc.constant(tied),
    vocabulary: fc.integer({ min: 2, max: 5 }),
    width: fc.integer({ min: 1, max: 3 }),
    hidden: fc.integer({ min: 1, max: 3 }),
    N: fc.integer({ min: 1, max: 2 }),
    M: fc.integer({ min: 1, max: 2 }),
    S: fc.integer({ min: 1, max: 3 }),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ N, M, S, seed, ...shape }) => {
      tf.tidy(() => {
        const source = rng(fold(seed, 'contexts'));
        const draw = (count: number) => randomContexts(source, count, shape.vocabulary);
        const samples = draw(S).map((context) => ({
          context,
          token: randomInt(source, shape.vocabulary),
          weight: normal(source),
        }));
        property({
          shape,
          model: tinyModel(shape, seed),
          contexts: draw(N),
          contexts2: draw(M),
          step: { samples, learningRate: 0.1, completions: 1 + randomInt(source, S) },
        });
      });
    }),
    { numRuns: Math.ceil(share * runs) },
  );
}
