import type { Params } from '@cfrl/engine';
import { empiricalNtk, jacobian, layerNtk, traceNtk } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { forAllCases } from './support/cases.js';
import { expectClose } from './support/close.js';
import { messageOf } from './support/errors.js';
import { logitsFn } from './support/models.js';
import { mlp, mlpParams, reference } from './support/reference.js';

type Vector = readonly number[];

const linear = (params: Params, xs: readonly Vector[]) =>
  tf.add(
    tf.matMul(tf.tensor2d(xs.map((x) => [...x])), params['w'] as tf.Tensor2D),
    params['b']!,
  ) as tf.Tensor2D;

const linearParams = () => ({
  w: tf.tensor2d([
    [1, 2],
    [3, 4],
  ]),
  b: tf.tensor1d([5, 6]),
});

describe('empiricalNtk', () => {
  it("of a linear layer with a bias is (<x, x'> + 1) I", () => {
    tf.tidy(() => {
      const ntk = empiricalNtk(
        linear,
        linearParams(),
        [
          [1, 2],
          [0, 3],
        ],
        [[4, 5]],
      );
      // <[1, 2], [4, 5]> + 1 = 15, <[0, 3], [4, 5]> + 1 = 16
      expect(ntk.arraySync()).toEqual([
        [[[15, 0]], [[0, 15]]],
        [[[16, 0]], [[0, 16]]],
      ]);
    });
  });

  it('is the defining sum over parameters of products of derivatives', () => {
    forAllCases(({ model, contexts, contexts2 }) => {
      const f = logitsFn(model);
      const rows = (list: typeof contexts) =>
        Object.values(jacobian(f, model.params, list)).map((J) => J.arraySync());
      const [left, right] = [rows(contexts), rows(contexts2)];
      const V = left[0]![0]!.length;
      const slow = contexts.flatMap((_, n) =>
        Array.from({ length: V }, (_, k) =>
          contexts2.map((_, m) =>
            Array.from({ length: V }, (_, l) =>
              left.reduce((sum, J, p) => {
                const [a, b] = [J[n]![k]!, right[p]![m]![l]!];
                return a.reduce((total, value, i) => total + value * b[i]!, sum);
              }, 0),
            ),
          ),
        ),
      );
      expectClose(empiricalNtk(f, model.params, contexts, contexts2), slow.flat(3));
    });
  });

  it('equals neural-tangents', () => {
    tf.tidy(() => {
      const { x1, x2, ntk } = reference.mlp;
      expectClose(empiricalNtk(mlp, mlpParams(), x1, x2), tf.tensor4d(ntk));
    });
  });

  it('refuses bad input', () => {
    tf.tidy(() => {
      const p = linearParams();
      const x = [[1, 2]];
      const messages = [
        () => empiricalNtk(linear, p, []),
        () => empiricalNtk(linear, p, x, []),
        () => empiricalNtk(linear, p, x, x, { select: (name) => name === 'nowhere' }),
        () => empiricalNtk(linear, p, x, x, { maxBytes: 47 }), // two rows of six numbers take 48
        () => empiricalNtk(linear, p, x, x, { maxBytes: NaN }),
        () => empiricalNtk(linear, p, [[NaN, 0]]),
        () => empiricalNtk(linear, p, [[1e30, 1e30]]), // finite outputs, infinite kernel
      ].map(messageOf);
      expect(messages).toMatchInlineSnapshot(`
        [
          "RangeError: empiricalNtk: examples is empty, expected at least one entry",
          "RangeError: empiricalNtk: examples2 is empty, expected at least one entry",
          "RangeError: empiricalNtk: select keeps none of w, b, expected at least one",
          "RangeError: empiricalNtk: maxBytes is 47, expected at least 48 (two gradients of 6 float32 numbers)",
          "RangeError: empiricalNtk: maxBytes is NaN, expected at least 48 (two gradients of 6 float32 numbers)",
          "RangeError: empiricalNtk: apply(params, examples) has NaN or infinite entries, expected finite numbers",
          "RangeError: empiricalNtk: the kernel has NaN or infinite entries, expected finite numbers",
        ]
      `);
      expect(messageOf(() => empiricalNtk(linear, p, x, x, { maxBytes: 48 }))).toBe('no error');
    });
  });
});

describe('layerNtk', () => {
  it("of a linear layer is <x, x'> I for the weight and I for the bias", () => {
    tf.tidy(() => {
      const { w, b } = layerNtk(linear, linearParams(), [[1, 2]], [[4, 5]]);
      expect(w!.arraySync()).toEqual([[[[14, 0]], [[0, 14]]]]);
      expect(b!.arraySync()).toEqual([[[[1, 0]], [[0, 1]]]]);
    });
  });

  it('adds the parameters of a layer up', () => {
    forAllCases(({ model, contexts }) => {
      const f = logitsFn(model);
      const layerOf = (name: string) => name.replace(/\.(weight|bias)$/, '');
      const layers = layerNtk(f, model.params, contexts, undefined, { layerOf });
      for (const [layer, kernel] of Object.entries(layers)) {
        const select = (name: string) => layerOf(name) === layer;
        expectClose(kernel, empiricalNtk(f, model.params, contexts, contexts, { select }));
      }
    });
  });
});

describe('traceNtk', () => {
  it("is the mean over outputs of the kernel's diagonal", () => {
    forAllCases(({ model, contexts, contexts2 }) => {
      const f = logitsFn(model);
      for (const other of [contexts2, undefined]) {
        const V = model.params[model.classifier]!.shape[0]!;
        const kernel = tf.transpose(empiricalNtk(f, model.params, contexts, other), [0, 2, 1, 3]);
        const diagonal = tf.mul(kernel, tf.eye(V));
        expectClose(
          traceNtk(f, model.params, contexts, other),
          tf.div(tf.sum(diagonal, [2, 3]), V),
        );
      }
    });
  });

  it('equals neural-tangents with trace_axes', () => {
    tf.tidy(() => {
      const { x1, x2, trace } = reference.mlp;
      expectClose(traceNtk(mlp, mlpParams(), x1, x2), tf.tensor2d(trace));
    });
  });
});
