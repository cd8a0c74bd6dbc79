import { assemble, decompose } from '@cfrl/ntk';
import type { SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { expectClose } from './support/close.js';
import { messageOf } from './support/errors.js';
import { tinyModel } from './support/models.js';
import type { Context } from './support/models.js';
import { reference, tiedModel } from './support/reference.js';

/** `phi = x M`, `[1, 2] -> [1, 2]`, with three tokens; by hand: `A = <x, x'> I`. */
const linearModel = (): SplitModel<readonly number[]> => ({
  params: {
    M: tf.tensor2d([
      [1, 2],
      [0, 1],
    ]),
    head: tf.tensor2d([
      [1, 0],
      [0, 2],
      [1, 1],
    ]),
  },
  classifier: 'head',
  tied: false,
  features: (params, xs) =>
    tf.matMul(tf.tensor2d(xs.map((x) => [...x])), params['M'] as tf.Tensor2D),
});

describe('decompose', () => {
  it("of a linear feature layer: A = <x, x'> I, so G = <x, x'> W W^T", () => {
    tf.tidy(() => {
      const { representationKernel, gradientKernel, gradientNorm, gradientTrace } = decompose(
        linearModel(),
        [[1, 1]],
        [[2, 1]],
      );
      // phi = [1, 3] and [2, 5]: <phi, phi'> = 17; <x, x'> = 3
      expect(representationKernel.arraySync()).toEqual([[17]]);
      expect(gradientKernel.arraySync()).toEqual([
        [
          [
            [3, 0],
            [0, 3],
          ],
        ],
      ]);
      // W W^T = [[1, 0, 1], [0, 4, 2], [1, 2, 2]]: squares sum to 31, trace 7
      expectClose(gradientNorm, [3 * Math.sqrt(31)]);
      expectClose(gradientTrace, [21]);
    });
  });

  it('of a tied model equals JAX, term by term', () => {
    tf.tidy(() => {
      const model = tiedModel();
      const { contexts, samples, ...expected } = reference.tied;
      const at = samples.map(({ context }) => context);
      const W = model.params['embedding'] as tf.Tensor2D;
      const kernels = assemble(decompose(model, contexts, at), W);
      expectClose(kernels.representation, tf.tensor4d(expected.representation));
      expectClose(kernels.gradient, tf.tensor4d(expected.gradient));
      expectClose(kernels.cross!, tf.tensor4d(expected.cross));
      expectClose(kernels.crossMirror!, tf.tensor4d(expected.crossMirror));
    });
  });

  it('gives the caller every tensor, and tf.dispose frees them all', () => {
    const shape = { kind: 'mlp', tied: true, vocabulary: 3, width: 2, hidden: 2 } as const;
    const model = tinyModel(shape, 1);
    const before = tf.memory().numTensors;
    const result = decompose(model, [[0], [1, 2]]);
    expect(tf.memory().numTensors).toBe(before + 6 + 6);
    tf.dispose(result as unknown as tf.TensorContainerObject);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(model.params as Record<string, tf.Tensor>);
  });

  it('of a model whose features have no parameters has A = 0: K is R', () => {
    tf.tidy(() => {
      const head = tf.tensor2d([
        [1, 0],
        [0, 2],
        [1, 1],
      ]);
      const features = (_: unknown, xs: readonly (readonly number[])[]) =>
        tf.tensor2d(xs.map((x) => [...x]));
      const model = { params: { head }, classifier: 'head', tied: false, features };
      const { representationKernel, gradientKernel } = decompose(
        model,
        [[1, 2]],
        [
          [3, 4],
          [0, 1],
        ],
      );
      expect(representationKernel.arraySync()).toEqual([[11, 2]]);
      expect(gradientKernel.shape).toEqual([1, 2, 2, 2]);
      expectClose(gradientKernel, tf.zeros([1, 2, 2, 2]));
    });
  });

  it('refuses an untied model whose features depend on the classifier', () => {
    tf.tidy(() => {
      for (const kind of ['mlp', 'attention'] as const) {
        const model = tinyModel({ kind, tied: true, vocabulary: 3, width: 2, hidden: 2 }, 1);
        expect(() => decompose({ ...model, tied: false }, [[0]])).toThrow(/tied is false, but/);
      }
    });
  });

  it('refuses bad input', () => {
    tf.tidy(() => {
      const model = linearModel();
      const x = [[1, 1]];
      const { params, features } = model;
      const messages = [
        () => decompose(model, []),
        () => decompose(model, x, []),
        () => decompose({ ...model, classifier: 'lm_head' }, x),
        () => decompose({ ...model, params: { ...params, head: tf.ones([3]) } }, x),
        () => decompose({ ...model, params: { ...params, head: tf.ones([3, 4]) } }, x),
        () => decompose({ ...model, features: (p, c) => tf.tile(features(p, c), [2, 1]) }, x),
        () => decompose(model, [[NaN, 1]]),
        () => decompose(model, x, x, { maxBytes: 8 }),
        () => decompose(model, x, x, { batchSize: 0 }),
        () => decompose({ ...model, tied: true, features: (_, c) => features(params, c) }, []),
      ].map(messageOf);
      expect(messages).toMatchInlineSnapshot(`
        [
          "RangeError: decompose: contexts is empty, expected at least one entry",
          "RangeError: decompose: contexts2 is empty, expected at least one entry",
          "RangeError: decompose: model.classifier is 'lm_head', expected one of M, head",
          "RangeError: decompose: classifier 'head' has shape [3], expected [V, D]",
          "RangeError: decompose: contexts: model.features of 1 contexts has shape [1, 2], expected [1, 4] (contexts, and the width of classifier 'head')",
          "RangeError: decompose: contexts: model.features of 1 contexts has shape [2, 2], expected [1, 2] (contexts, and the width of classifier 'head')",
          "RangeError: decompose: contexts: model.features has NaN or infinite entries, expected finite numbers",
          "RangeError: decompose: maxBytes is 8, expected at least 32 (two gradients of 4 float32 numbers)",
          "RangeError: decompose: batchSize is 0, expected a positive integer",
          "RangeError: decompose: contexts is empty, expected at least one entry",
        ]
      `);
    });
  });
});

describe('assemble', () => {
  it('writes R and G out', () => {
    tf.tidy(() => {
      const model = linearModel();
      const W = model.params['head'] as tf.Tensor2D;
      const { representation, gradient, ntk } = assemble(decompose(model, [[1, 1]], [[2, 1]]), W);
      const R = [
        [17, 0, 0],
        [0, 17, 0],
        [0, 0, 17],
      ];
      const G = [
        [3, 0, 3],
        [0, 12, 6],
        [3, 6, 6],
      ];
      expectClose(representation, R.flat());
      expectClose(gradient, G.flat());
      expectClose(
        ntk,
        R.flatMap((row, i) => row.map((value, j) => value + G[i]![j]!)),
      );
    });
  });

  it('refuses a classifier of another shape', () => {
    tf.tidy(() => {
      const untied = decompose(linearModel(), [[1, 1]]);
      expect(messageOf(() => assemble(untied, tf.ones([3, 5])))).toMatchInlineSnapshot(
        `"RangeError: assemble: classifier has shape [3, 5], expected [V, 2]"`,
      );
      const shape = { kind: 'mlp', tied: true, vocabulary: 3, width: 2, hidden: 2 } as const;
      const contexts: Context[] = [[0]];
      const tied = decompose(tinyModel(shape, 1), contexts);
      expect(messageOf(() => assemble(tied, tf.ones([4, 2])))).toMatchInlineSnapshot(
        `"RangeError: assemble: classifier has shape [4, 2], expected [3, 2]"`,
      );
    });
  });
});
