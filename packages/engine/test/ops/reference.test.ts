/** Values, gradients and second derivatives of PyTorch, in float64; see tools/fixtures/engine. */
import {
  adamw,
  applyUpdates,
  attention,
  chain,
  clipByGlobalNorm,
  crossEntropy,
  dense,
  embedding,
  gelu,
  geluTanh,
  globalNorm,
  layerNorm,
  type OptState,
  type Params,
  rmsNorm,
  rotary,
  rotaryTables,
  swiGlu,
  tokenScores,
  valueAndGrad,
  type WeightLayout,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import fixture from '../fixtures/operations.json' with { type: 'json' };
import { distance } from './arrays.js';

interface Plain {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

interface Options {
  readonly epsilon: number;
  readonly layout: WeightLayout;
  readonly ids: readonly (readonly number[])[];
  readonly tokens: readonly number[];
  readonly positions: readonly number[];
  readonly theta: number;
  readonly causal?: boolean;
  readonly keyMask?: readonly (readonly number[])[];
}

type Operation = (inputs: Record<string, tf.Tensor>, options: Options) => Params;

const one = (output: tf.Tensor): Params => ({ output });

const int32 = (x: readonly number[]): tf.Tensor1D => tf.tensor1d([...x], 'int32');

const operations: Readonly<Record<string, Operation>> = {
  geluTanh: ({ x }) => one(geluTanh(x!)),
  gelu: ({ x }) => one(gelu(x!)),
  swiGlu: ({ gate, up }) => one(swiGlu(gate!, up!)),
  layerNorm: ({ x, gain, bias }, { epsilon }) => one(layerNorm(x!, gain!, bias!, epsilon)),
  rmsNorm: ({ x, gain }, { epsilon }) => one(rmsNorm(x!, gain!, epsilon)),
  dense: ({ x, weight, bias }, { layout }) => one(dense(x!, weight!, layout, bias)),
  embedding: ({ table }, { ids }) =>
    one(
      embedding(
        table!,
        tf.tensor2d(
          ids.map((row) => [...row]),
          undefined,
          'int32',
        ),
      ),
    ),
  rotary: ({ x }, { positions, theta }) =>
    one(rotary(x!, rotaryTables(int32(positions), x!.shape[3]!, theta))),
  tokenScores: ({ logits }, { tokens }) => tokenScores(logits!, int32(tokens)),
  crossEntropy: ({ logits }, { tokens }) => one(crossEntropy(logits!, int32(tokens))),
  attention: ({ q, k, v }, { causal, keyMask }) =>
    one(
      attention(q!, k!, v!, {
        ...(causal && { causal }),
        ...(keyMask && { keyMask: tf.tensor2d(keyMask.map((row) => [...row])) }),
      }),
    ),
};

const tensor = ({ shape, values }: Plain): tf.Tensor => tf.tensor([...values], [...shape]);
const tensors = (plain: object): Record<string, tf.Tensor> =>
  Object.fromEntries(Object.entries(plain).map(([key, x]) => [key, tensor(x as Plain)]));

function expectNear(actual: Params, expected: object, tolerance: number): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [key, wanted] of Object.entries(tensors(expected))) {
    expect(actual[key]!.shape, key).toEqual(wanted.shape);
    expect(distance(actual[key]!, wanted), key).toBeLessThan(tolerance);
  }
}

const sumOf = (parts: readonly tf.Tensor[]): tf.Tensor =>
  parts.map((x) => tf.sum(x)).reduce((a, b) => tf.add(a, b));

describe.each(fixture.operations.map((each, i) => [`${i} ${each.name}`, each] as const))(
  '%s equals PyTorch',
  (_, { name, options, inputs, outputs, cotangents, gradients, second }) => {
    const apply = (params: Params): Params =>
      operations[name]!(params as Record<string, tf.Tensor>, options as unknown as Options);
    const weighted = (params: Params, f: (y: tf.Tensor) => tf.Tensor): tf.Tensor => {
      const weights = tensors(cotangents);
      return sumOf(Object.entries(apply(params)).map(([key, y]) => tf.mul(weights[key]!, f(y))));
    };

    it('in its value', () => {
      tf.tidy(() => expectNear(apply(tensors(inputs)), outputs, 1e-5));
    });

    it('in its gradient', () => {
      tf.tidy(() => {
        const { grads } = valueAndGrad((params) => weighted(params, (y) => y))(tensors(inputs));
        expectNear(grads, gradients, 1e-5);
      });
    });

    it('in its second derivative', () => {
      tf.tidy(() => {
        const first = valueAndGrad((params) => weighted(params, (y) => tf.mul(y, y)));
        const outer = valueAndGrad((params) =>
          sumOf(Object.values(first(params).grads).map((g) => tf.mul(g, g))),
        );
        expectNear(outer(tensors(inputs)).grads, second, 1e-4);
      });
    });
  },
);

describe('adamw after clipByGlobalNorm', () => {
  it('takes the steps of PyTorch', () => {
    tf.tidy(() => {
      const { maxNorm, options, params: start, steps } = fixture.adamw;
      const optimizer = chain(clipByGlobalNorm(maxNorm), adamw(options));
      let params: Params = tensors(start);
      let state: OptState = optimizer.init(params);
      for (const step of steps) {
        const grads = tensors(step.grads);
        expect(globalNorm(grads).arraySync() / step.globalNorm).toBeCloseTo(1, 6);
        const next = optimizer.update(grads, state, params);
        params = applyUpdates(params, next.updates);
        state = next.state;
        expectNear(params, step.params, 1e-5);
      }
    });
  });
});
