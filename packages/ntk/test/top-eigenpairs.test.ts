import { normal, randomNormal, rng } from '@cfrl/engine';
import { empiricalNtk, kernelOperator, topEigenpairs } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectClose } from './support/close.js';
import { eigenvalues } from './support/matrix.js';

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** `[N O, N O]` as an operator of `[N, O]`. */
const operatorOf = (K: tf.Tensor2D, N: number) => ({
  rows: N,
  product: (v: tf.Tensor) =>
    tf.tidy(() => tf.reshape(tf.matMul(K, tf.reshape(v, [-1, 1])), v.shape)),
});

describe('topEigenpairs', () => {
  it('finds the largest eigenpairs of random matrices, of either sign', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const [N, O] = [4, 3];
      const half = randomNormal(rng(seed), [12, 12]) as tf.Tensor2D;
      const K = tf.add(half, tf.transpose(half)) as tf.Tensor2D;
      const exact = eigenvalues(K.arraySync()).reverse();
      const found = await topEigenpairs(operatorOf(K, N), O, { count: 3, seed });
      expect(found.converged).toBe(true);
      expectClose(found.values, exact.slice(0, 3), { relative: 1e-4 });
      const rows = tf.reshape(found.vectors, [3, 12]);
      expectClose(tf.matMul(rows, rows, false, true), tf.eye(3), { relative: 1e-4 });
      const images = tf.matMul(rows, K);
      const scaled = tf.mul(rows, tf.tensor2d(found.values.map((value) => [value])));
      expectClose(images, scaled, { relative: 1e-3 });
    }
  });

  it('agrees with the kernel of a model, contexts and outputs together', async () => {
    const params = { W: randomNormal(rng(1), [3, 4]) };
    const apply = ({ W }: typeof params, rows: readonly number[][]) =>
      tf.tanh(tf.matMul(tf.tensor2d([...rows]), W as tf.Tensor2D)) as tf.Tensor2D;
    const source = rng(2);
    const examples = Array.from({ length: 5 }, () => [0, 1, 2].map(() => normal(source)));
    const kernel = empiricalNtk(apply as never, params, examples);
    const K = tf.reshape(kernel, [20, 20]) as tf.Tensor2D;
    const operator = kernelOperator(apply as never, params, examples);
    const { values } = await topEigenpairs(operator, 4, { count: 2 });
    operator.dispose();
    expectClose(values, eigenvalues(K.arraySync()).reverse().slice(0, 2), { relative: 1e-4 });
  });

  it('ends where there is nothing more, and says what has not converged', async () => {
    const u = tf.tensor2d([[1], [2], [2]]);
    const rankOne = tf.matMul(u, u, false, true) as tf.Tensor2D;
    const { values, converged } = await topEigenpairs(operatorOf(rankOne, 3), 1, { count: 3 });
    expect(converged).toBe(true);
    expectClose(values, [9, 0].slice(0, values.length), { relative: 1e-4 });
    expect(values.length).toBeLessThan(3);
    const close = tf.diag(tf.linspace(1, 2, 60)) as tf.Tensor2D;
    const early = await topEigenpairs(operatorOf(close, 60), 1, { iterations: 5 });
    expect(early.converged).toBe(false);
    expect(Math.abs(early.values[0]! - 2)).toBeLessThanOrEqual(early.residuals[0]! + 1e-6);
    expect(early.residuals[0]!).toBeGreaterThan(1e-3);
  });

  it('reports, stops, frees, and rejects bad arguments', async () => {
    const K = tf.diag(tf.linspace(1, 2, 9)) as tf.Tensor2D;
    const before = tf.memory().numTensors;
    const seen: number[] = [];
    const { vectors } = await topEigenpairs(operatorOf(K, 9), 1, {
      ...{ iterations: 4, tolerance: 1e-7 },
      onProgress: ({ done, total }) => void seen.push(done, total),
    });
    expect(seen).toEqual([1, 4, 2, 4, 3, 4, 4, 4]);
    vectors.dispose();
    const stop = new AbortController();
    const stopped = topEigenpairs(operatorOf(K, 9), 1, {
      ...{ signal: stop.signal, tolerance: 1e-7 },
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
    const call = async (...given: Parameters<typeof topEigenpairs>) =>
      expect(await topEigenpairs(...given).catch(String));
    (await call({ rows: 9, product: () => tf.zeros([2]) }, 1)).toMatchInlineSnapshot(
      `"RangeError: topEigenpairs: operator.product has shape [2], expected [9, 1] as what it was given"`,
    );
    (await call({ rows: 9, product: () => tf.fill([9, 1], NaN) }, 1)).toMatchInlineSnapshot(
      `"RangeError: topEigenpairs: operator.product has NaN or infinite entries, expected finite numbers"`,
    );
    (await call({ rows: 0, product: () => K }, 1)).toMatchInlineSnapshot(
      `"RangeError: topEigenpairs: operator.rows is 0, expected a positive integer"`,
    );
    (await call({} as never, 1)).toMatchInlineSnapshot(
      `"TypeError: topEigenpairs: operator is an object with nothing, expected { rows, product }, as kernelOperator makes it"`,
    );
    (await call(operatorOf(K, 9), 1, { count: 0 })).toMatchInlineSnapshot(
      `"RangeError: topEigenpairs: count is 0, expected a positive integer"`,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});
