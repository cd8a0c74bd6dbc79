import { type Params, dense, embedding, mapParams, randomNormal, rmsNorm, rng } from '@cfrl/engine';
import {
  type Sequence,
  type SequenceModel,
  assemble,
  decompose,
  empiricalNtk,
  kernelOperator,
  kernelProduct,
  logitKernelOperator,
} from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { forAllCases } from './support/cases.js';
import { expectClose } from './support/close.js';
import { logitsFn, tinyModel } from './support/models.js';
import { mlp, mlpParams, reference } from './support/reference.js';

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** `K v`, the definition: `[N, O, M, O]` as a matrix. */
const times = (kernel: tf.Tensor, v: tf.Tensor): tf.Tensor => {
  const [N, O, M] = kernel.shape as [number, number, number];
  const product = tf.matMul(
    tf.reshape(kernel, [N * O, M * O]) as tf.Tensor2D,
    tf.reshape(v, [M * O, 1]) as tf.Tensor2D,
  );
  return tf.reshape(product, [N, O]);
};

const shape = { kind: 'attention', vocabulary: 4, width: 3, hidden: 2 } as const;
const contexts = [[0, 1], [3], [2, 2, 1], [1, 0, 3, 2], [2]];
const contexts2 = [[1, 1], [0, 3, 2], [3]];

/** A causal language model with tied embeddings and a cap on its logits: each token sees the mean of those up to it. */
function sequences(): SequenceModel {
  const source = rng(3);
  return {
    params: {
      table: randomNormal(source, [5, 4]),
      up: randomNormal(source, [4, 4]),
      gain: randomNormal(source, [4]),
    },
    classifier: 'table',
    tied: true,
    linear: false,
    features: (p, { tokens }) => {
      const [B, T] = tokens.shape;
      const x = embedding(p['table']!, tokens);
      const before = tf.linalg.bandPart(tf.ones([T, T]), -1, 0);
      const means = tf.div(before, tf.sum(before, 1, true)) as tf.Tensor2D;
      const seen = tf.matMul(tf.tile(tf.reshape(means, [1, T, T]), [B, 1, 1]), x);
      const h = tf.tanh(dense(tf.reshape(seen, [B * T, 4]), p['up']!, 'in-out'));
      return tf.reshape(rmsNorm(h, p['gain']!, 1e-5), [B, T, 4]) as tf.Tensor3D;
    },
    logits: (p, phi) =>
      tf.mul(3, tf.tanh(tf.div(dense(phi, p['table']!, 'out-in'), 3))) as tf.Tensor2D,
  };
}

/** The same as a function of single contexts: the last token of each beginning. */
const ofContexts =
  (model: SequenceModel) =>
  (p: Params, lists: readonly (readonly number[])[]): tf.Tensor2D =>
    tf.concat(
      lists.map((list) => {
        const tokens = tf.tensor2d([[...list]], undefined, 'int32');
        const phi = model.features(p, { tokens, attentionMask: tf.onesLike(tokens) });
        return model.logits(
          p,
          tf.reshape(tf.slice(phi, [0, list.length - 1, 0], [1, 1, -1]), [1, -1]),
        );
      }),
    );

describe('kernelProduct', () => {
  it('equals the product with the reference kernel, in any batches', async () => {
    const model = tinyModel({ ...shape, tied: true }, 1);
    const [apply, { params }] = [logitsFn(model), model];
    const kernel = empiricalNtk(apply, params, contexts, contexts2);
    const v = randomNormal(rng(2), [3, 4]);
    for (const batchSize of [1, 2, 32]) {
      const product = await kernelProduct(apply, params, contexts, v, contexts2, { batchSize });
      expectClose(product, times(kernel, v));
    }
  });

  it('equals the kernel of neural-tangents, one unit vector after the other', async () => {
    const params = mlpParams();
    const units = tf.reshape(tf.eye(4), [4, 2, 2]);
    const product = await kernelProduct(mlp, params, reference.mlp.x1, units, reference.mlp.x2);
    const kernel = tf.tensor4d(reference.mlp.ntk); // [N, O, M, O]
    const [N, O, M] = kernel.shape;
    expectClose(
      product,
      tf.reshape(tf.transpose(tf.reshape(kernel, [N * O, M * O])), [M * O, N, O]),
    );
  });

  it('gives the same for several vectors as for each', async () => {
    const model = tinyModel({ ...shape, tied: false }, 4);
    const [apply, { params }] = [logitsFn(model), model];
    const vs = randomNormal(rng(5), [3, 5, 4]);
    const all = await kernelProduct(apply, params, contexts, vs);
    expect(all.shape).toEqual([3, 5, 4]);
    for (const [q, v] of tf.unstack(vs).entries()) {
      const one = await kernelProduct(apply, params, contexts, v);
      expectClose(one, tf.squeeze(tf.slice(all, q, 1), [0]));
    }
  });

  it('over some parameters is the product with their kernel, and the sum over all is the whole', async () => {
    const model = tinyModel({ ...shape, tied: false }, 6);
    const [apply, { params }] = [logitsFn(model), model];
    const v = randomNormal(rng(7), [3, 4]);
    const parts: tf.Tensor[] = [];
    for (const name of Object.keys(params)) {
      const select = (each: string) => each === name;
      const part = await kernelProduct(apply, params, contexts, v, contexts2, { select });
      expectClose(part, times(empiricalNtk(apply, params, contexts, contexts2, { select }), v));
      parts.push(part);
    }
    expectClose(tf.addN(parts), await kernelProduct(apply, params, contexts, v, contexts2));
  });
});

describe('kernelOperator', () => {
  it('is symmetric and linear: <u, K v> = <K u, v>', async () => {
    const operator = kernelOperator(mlp, mlpParams(), reference.mlp.x1);
    const [N, O] = [operator.rows, 2];
    const [u, v] = [randomNormal(rng(1), [N, O]), randomNormal(rng(2), [N, O])];
    const [Ku, Kv] = [await operator.product(u), await operator.product(v)];
    const inner = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.mul(a, b)).dataSync()[0]!;
    expect(inner(u, Kv)).toBeCloseTo(inner(Ku, v), 3);
    const sum = await operator.product(tf.add(u, tf.mul(3, v)));
    expectClose(sum, tf.add(Ku, tf.mul(3, Kv)));
    operator.dispose();
  });

  it('leaves nothing behind, also where it is stopped or refuses', async () => {
    const params = mlpParams();
    const v = tf.ones([3, 2]);
    const before = tf.memory().numTensors;
    const operator = kernelOperator(mlp, params, reference.mlp.x1, undefined, { batchSize: 2 });
    (await operator.product(v)).dispose();
    expect(tf.memory().numTensors).toBe(before);
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(operator.product(v, controller.signal)).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
    const wrong = tf.ones([3, 3]);
    await expect(operator.product(wrong)).rejects.toThrow(
      'kernelOperator: v has 3 columns, expected 2, one an output',
    );
    wrong.dispose();
    operator.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses what is no vector of the kernel', async () => {
    const operator = kernelOperator(mlp, mlpParams(), reference.mlp.x1);
    await expect(operator.product(tf.ones([2, 2]))).rejects.toThrow(
      'kernelOperator: v has shape [2, 2], expected [3, O] or [Q, 3, O]',
    );
    await expect(operator.product(tf.fill([3, 2], NaN))).rejects.toThrow(
      'kernelOperator: v has NaN or infinite entries, expected finite numbers',
    );
    expect(() => kernelOperator(mlp, mlpParams(), [])).toThrow(
      'kernelOperator: examples is empty, expected at least one entry',
    );
    expect(() => kernelOperator(mlp, mlpParams(), [[0, 0, 0]], [])).toThrow(
      'kernelOperator: examples2 is empty, expected at least one entry',
    );
  });
});

describe('logitKernelOperator', () => {
  it("of a split model is R + G, and C + C' of a tied one", async () => {
    for (const tied of [false, true]) {
      const model = tinyModel({ ...shape, tied }, 8);
      const { ntk } = assemble(
        decompose(model, contexts, contexts2),
        model.params[model.classifier] as tf.Tensor2D,
      );
      const v = randomNormal(rng(9), [3, 4]);
      const operator = logitKernelOperator(model, contexts, contexts2, { batchSize: 2 });
      expectClose(await operator.product(v), times(ntk, v));
      operator.dispose();
    }
  });

  it('of sequences is that of their positions as contexts', async () => {
    const model = sequences();
    const list: Sequence[] = [
      { tokens: [1, 4, 2], positions: [0, 2] },
      { tokens: [3, 3] },
      { tokens: [0, 1, 2, 4], positions: [1, 3] },
    ];
    const list2: Sequence[] = [{ tokens: [2, 0, 1], positions: [2] }, { tokens: [4] }];
    const [prefixes, prefixes2] = [
      [[1], [1, 4, 2], [3], [3, 3], [0, 1], [0, 1, 2, 4]],
      [[2, 0, 1], [4]],
    ];
    const kernel = empiricalNtk(ofContexts(model), model.params, prefixes, prefixes2);
    const v = randomNormal(rng(10), [2, 5]);
    const expected = times(kernel, v);
    const before = tf.memory().numTensors;
    for (const batchSize of [1, 2, 32]) {
      const operator = logitKernelOperator(model, list, list2, { batchSize });
      expect([operator.rows, operator.columns]).toEqual([6, 2]);
      const product = await operator.product(v);
      expectClose(product, expected);
      operator.dispose();
      product.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('of random models is the reference', async () => {
    const cases: (() => Promise<void>)[] = [];
    const kept: tf.Tensor[] = [];
    forAllCases(({ model, contexts: left, contexts2: right, shape: { vocabulary } }) => {
      const params = mapParams(model.params, (x) => tf.keep(tf.clone(x)));
      const v = tf.keep(randomNormal(rng(11), [right.length, vocabulary]));
      const expected = tf.keep(times(empiricalNtk(logitsFn(model), params, left, right), v));
      kept.push(v, expected, ...Object.values(params));
      cases.push(async () => {
        const operator = logitKernelOperator({ ...model, params }, left, right);
        const product = await operator.product(v);
        expectClose(product, expected);
        operator.dispose();
        product.dispose();
      });
    });
    for (const check of cases) await check();
    tf.dispose(kept);
  });
});
