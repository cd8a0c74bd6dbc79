import { mapParams } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import { jacobian } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { forAllCases } from './support/cases.js';
import { expectClose, largest } from './support/close.js';
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
    [5, 6],
  ]),
  b: tf.tensor1d([0, 1]),
});

describe('jacobian', () => {
  it('of a linear layer z = x w + b is the input, once an output, and 1', () => {
    tf.tidy(() => {
      const { w, b } = jacobian(linear, linearParams(), [[7, 8, 9]]);
      // d z_k / d w[i, j] = x_i if j = k
      expect(w!.arraySync()).toEqual([
        [
          [7, 0, 8, 0, 9, 0],
          [0, 7, 0, 8, 0, 9],
        ],
      ]);
      expect(b!.arraySync()).toEqual([
        [
          [1, 0],
          [0, 1],
        ],
      ]);
    });
  });

  it('is 0 for a parameter that the function does not use', () => {
    tf.tidy(() => {
      const { unused } = jacobian(linear, { ...linearParams(), unused: tf.ones([2]) }, [[1, 2, 3]]);
      expect(unused!.arraySync()).toEqual([
        [
          [0, 0],
          [0, 0],
        ],
      ]);
    });
  });

  it('differentiates only what select keeps, with the other parameters in place', () => {
    tf.tidy(() => {
      const select = (name: string) => name === 'b';
      const rows = jacobian(linear, linearParams(), [[1, 2, 3]], { select });
      expect(Object.keys(rows)).toEqual(['b']);
    });
  });

  it('equals central differences', () => {
    forAllCases(({ model, contexts }) => {
      const f = logitsFn(model);
      const J = jacobian(f, model.params, contexts);
      for (const [name, tensor] of Object.entries(model.params)) {
        const column = tensor.size - 1;
        const slopeWith = (h: number) => {
          const nudge = Array.from({ length: tensor.size }, (_, i) => (i === column ? h : 0));
          const at = (sign: number) => {
            const step = tf.mul(sign, tf.tensor(nudge, tensor.shape));
            return f({ ...model.params, [name]: tf.add(tensor, step) }, contexts);
          };
          return tf.div(tf.sub(at(1), at(-1)), 2 * h);
        };
        // Extrapolated from h and h / 2, so that h may be large against float32 rounding.
        const slope = tf.div(tf.sub(tf.mul(4, slopeWith(0.01)), slopeWith(0.02)), 3);
        const actual = tf.squeeze(tf.slice(J[name]!, [0, 0, column], [-1, -1, 1]), [2]);
        const scale = Math.max(1, largest(slope));
        expectClose(actual, slope, { scale, relative: 2e-2 });
      }
    });
  });

  it('equals jax.jacrev', () => {
    tf.tidy(() => {
      const { x1, jacobian: expected } = reference.mlp;
      const J = jacobian(mlp, mlpParams(), x1);
      for (const [name, rows] of Object.entries(J)) {
        const values = (expected as Readonly<Record<string, unknown>>)[name];
        expectClose(rows, (values as number[]).flat(4));
      }
    });
  });

  it('leaves the parameters as they were', () => {
    tf.tidy(() => {
      const params = linearParams();
      const before = mapParams(params, (p) => tf.clone(p));
      jacobian(linear, params, [[1, 2, 3]]);
      expect(params.w.arraySync()).toEqual((before['w'] as tf.Tensor2D).arraySync());
    });
  });

  it('refuses bad input', () => {
    tf.tidy(() => {
      const p = linearParams();
      const messages = [
        () => jacobian(linear, p, []),
        () => jacobian(linear, p, undefined as unknown as Vector[]),
        () => jacobian(linear, p, [[1, 2, 3]], { select: () => false }),
        () => jacobian(linear, p, [[1, NaN, 3]]),
        () => jacobian(linear, { ...p, b: tf.tensor1d([0, Infinity]) }, [[1, 2, 3]]),
        () => jacobian((q, xs) => tf.tile(linear(q, xs), [2, 1]), p, [[1, 2, 3]]),
        () => jacobian((q, xs) => tf.sum(linear(q, xs)) as unknown as tf.Tensor2D, p, [[1, 2, 3]]),
      ].map(messageOf);
      expect(messages).toMatchInlineSnapshot(`
        [
          "RangeError: jacobian: examples is empty, expected at least one entry",
          "TypeError: jacobian: examples is undefined, expected an array",
          "RangeError: jacobian: select keeps none of w, b, expected at least one",
          "RangeError: jacobian: apply(params, examples) has NaN or infinite entries, expected finite numbers",
          "RangeError: jacobian: apply(params, examples) has NaN or infinite entries, expected finite numbers",
          "RangeError: jacobian: apply(params, [example]) has shape [2, 2], expected [1, 2]",
          "RangeError: jacobian: apply(params, [example]) has shape [], expected [1, outputs]",
        ]
      `);
    });
  });
});
