import { fold, logSoftmax, randomInt, rng, valueAndGrad, vjp } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import { ARCHITECTURES, classifier, forward, initParams, modelConfig } from '@cfrl/model';
import type { Architecture, ModelConfig, ModelVariation } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { configs, matrix, randomParams, without } from './arbitrary.js';

const randomTokens = (config: ModelConfig, seed: number, length: number): number[] => {
  const source = rng(fold(seed, 'tokens'));
  return Array.from({ length }, () => randomInt(source, config.vocabSize));
};

const rowsOf = (x: tf.Tensor): number[][][] => x.arraySync() as number[][][];

function expectRows(actual: readonly number[][], expected: readonly number[][], digits = 4): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((row, t) =>
    row.forEach((value, i) => expect(value).toBeCloseTo(expected[t]![i]!, digits)),
  );
}

const WINDOW = { slidingWindow: 2, slidingLayers: [true, false] };

/** What else is computed, where an architecture can. */
const VARIATIONS: Readonly<Partial<Record<Architecture, Partial<ModelVariation>>>> = {
  gpt_neox: { partialRotaryFactor: 0.5 },
  gemma2: { ...WINDOW, queryScalar: 3, attentionSoftCap: 1, logitSoftCap: 2 },
  gemma3_text: { ...WINDOW, localRopeTheta: 30 },
  phi3: { slidingWindow: 2, partialRotaryFactor: 0.5 },
  smollm3: { ropeLayers: [true, false] },
  stablelm: { parallelResidual: true, qkNorm: true, attentionBias: true },
  cohere: { qkNorm: true, logitScale: 0.5 },
};
const ONE_KEY_A_HEAD: readonly Architecture[] = ['gpt2', 'gpt_neox', 'opt'];

const small = (architecture: Architecture, tiedEmbeddings = false): ModelConfig =>
  modelConfig({
    ...VARIATIONS[architecture],
    architecture,
    vocabSize: 7,
    hiddenSize: architecture in VARIATIONS ? 16 : 8,
    intermediateSize: 12,
    layers: 2,
    heads: 4,
    keyValueHeads: ONE_KEY_A_HEAD.includes(architecture) ? 4 : 2,
    maxPositions: 6,
    tiedEmbeddings,
  });

describe('forward', () => {
  it('is causal: a token never changes the logits before it, and does change those from it on', () => {
    fc.assert(
      fc.property(configs(), fc.nat(), fc.integer({ min: 0, max: 4 }), (config, seed, t) => {
        tf.tidy(() => {
          const params = randomParams(config, seed);
          const tokens = randomTokens(config, seed, 5);
          const changed = tokens.with(t, (tokens[t]! + 1) % config.vocabSize);
          const { logits } = forward(params, config, { tokens: matrix([tokens, changed]) });
          const [before, after] = rowsOf(logits) as [number[][], number[][]];
          expectRows(after.slice(0, t), before.slice(0, t), 5);
          expect(after[t]).not.toEqual(before[t]);
        });
      }),
      { numRuns: 20 },
    );
  });

  it('gives real positions the same values whatever the padding, its side and its tokens', () => {
    fc.assert(
      fc.property(
        configs(),
        fc.nat(),
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        fc.nat(2),
        (config, seed, lengths, left, padding) => {
          tf.tidy(() => {
            const params = randomParams(config, seed);
            const rows = lengths.map((length, i) => randomTokens(config, fold(seed, i), length));
            const time = Math.max(...lengths);
            const pad = (row: readonly number[], value: number): number[] => {
              const fill = new Array<number>(time - row.length).fill(value);
              return left ? [...fill, ...row] : [...row, ...fill];
            };
            const padded = forward(params, config, {
              tokens: matrix(rows.map((row) => pad(row, padding))),
              attentionMask: matrix(
                rows.map((row) =>
                  pad(
                    row.map(() => 1),
                    0,
                  ),
                ),
              ),
            });
            expect(padded.logits.dataSync().every(Number.isFinite)).toBe(true);
            rows.forEach((row, i) => {
              const alone = forward(params, config, { tokens: matrix([row]) });
              const from = left ? time - row.length : 0;
              for (const key of ['logits', 'features'] as const) {
                const real = rowsOf(padded[key])[i]!.slice(from, from + row.length);
                expectRows(real, rowsOf(alone[key])[0]!);
              }
            });
          });
        },
      ),
      { numRuns: 20 },
    );
  });

  it('passes no gradient through padded positions', () => {
    tf.tidy(() => {
      const config = small('gpt2');
      const params = randomParams(config, 1);
      const tokens = matrix([[6, 6, 1, 2]]);
      const attentionMask = matrix([[0, 0, 1, 1]]);
      const loss = (p: Params): tf.Tensor => {
        const { logits } = forward(p, config, { tokens, attentionMask });
        return tf.sum(tf.square(tf.slice(logits, [0, 2, 0], [-1, 2, -1])));
      };
      const { grads } = valueAndGrad(loss)(params);
      const rows = grads['transformer.wte.weight']!.arraySync() as number[][];
      rows.forEach((row, token) => {
        expect(row.some((value) => value !== 0)).toBe(token === 1 || token === 2);
      });
    });
  });

  // The gradients of all are compared with PyTorch's; these have none that is too small to measure so.
  it.each([
    ...(['gpt2', 'llama', 'gpt_neox', 'mistral', 'gemma', 'gemma2'] as const),
    ...(['gemma3_text', 'phi3', 'smollm3'] as const),
  ])('has the gradients of central differences, %s', (name) => {
    tf.tidy(() => {
      for (const tied of [false, true]) {
        const config = small(name, tied);
        const params = randomParams(config, 3);
        const tokens = matrix([[1, 4, 4, 0], [5, 2, 6, 3]]); // prettier-ignore
        const attentionMask = matrix([[1, 1, 1, 1], [0, 1, 1, 1]]); // prettier-ignore
        // Padded positions mean nothing, so they have no weight in the loss.
        const weights = tf.mul(
          tf.randomUniform([2, 4, config.vocabSize], -1, 1, 'float32', 7),
          tf.expandDims(attentionMask, -1),
        );
        const loss = (p: Params): tf.Tensor =>
          tf.sum(tf.mul(weights, logSoftmax(forward(p, config, { tokens, attentionMask }).logits)));
        const { grads } = valueAndGrad(loss)(params);
        for (const [key, parameter] of Object.entries(params)) {
          // Along the gradient's own direction the slope is its norm.
          const grad = grads[key]!;
          const norm = tf.norm(grad).dataSync()[0]!;
          expect(norm, key).toBeGreaterThan(0.3);
          const h = 2e-2 / Math.max(10, norm);
          const at = (sign: number): number => {
            const moved = tf.add(parameter, tf.mul(grad, (sign * h) / norm));
            return loss({ ...params, [key]: moved }).dataSync()[0]!;
          };
          const slope = (at(1) - at(-1)) / (2 * h);
          expect(Math.abs(slope / norm - 1), key).toBeLessThan(5e-3); // float32, h^2 terms
        }
      }
    });
  });

  it.each(ARCHITECTURES)(
    'has a gradient that is linear in the cotangent and differentiable in it, %s',
    (name) => {
      // The forward-mode product J v as the derivative of u -> <J^T u, v>, against differences.
      tf.tidy(() => {
        const config = small(name);
        const params = randomParams(config, 4);
        const direction = randomParams(config, 5);
        const tokens = matrix([[1, 4, 2]]);
        const f = (p: Params): tf.Tensor => forward(p, config, { tokens }).features;
        const inner = (u: tf.Tensor): tf.Tensor => {
          const { grads } = vjp(f, params, u);
          const parts = Object.keys(grads).map((key) =>
            tf.sum(tf.mul(grads[key]!, direction[key]!)),
          );
          return tf.addN(parts);
        };
        const zero = tf.zeros([1, 3, config.hiddenSize]);
        const forwardMode = tf.grad(inner)(zero).dataSync();
        const moved = (step: number): Params =>
          Object.fromEntries(
            Object.entries(params).map(([key, p]) => [
              key,
              tf.add(p, tf.mul(direction[key]!, step)),
            ]),
          );
        const h = 2e-3;
        const difference = tf.div(tf.sub(f(moved(h)), f(moved(-h))), 2 * h).dataSync();
        const scale = Math.max(...difference.map(Math.abs));
        forwardMode.forEach((value, i) =>
          expect(Math.abs(value - difference[i]!)).toBeLessThan(1e-2 * scale),
        );
      });
    },
  );

  it('has logits that are the classifier times the features', () => {
    tf.tidy(() => {
      const config = small('llama');
      const params = randomParams(config, 2);
      const { logits, features } = forward(params, config, { tokens: matrix([[1, 2, 3]]) });
      const weight = classifier(params)['lm_head.weight']!.arraySync() as number[][];
      const expected = rowsOf(features)[0]!.map((phi) =>
        weight.map((row) => row.reduce((sum, w, i) => sum + w * phi[i]!, 0)),
      );
      expectRows(rowsOf(logits)[0]!, expected);
    });
  });

  it('leaves its inputs alone and leaks nothing', () => {
    const config = small('gpt2');
    const params = initParams(config, 0);
    const tokens = matrix([[1, 2]]);
    const before = tf.memory().numTensors;
    const { logits, features } = forward(params, config, { tokens, attentionMask: tokens });
    expect(tf.memory().numTensors).toBe(before + 2);
    expect(Object.values(params).some(({ isDisposed }) => isDisposed)).toBe(false);
    tf.dispose([logits, features, tokens, params as Record<string, tf.Tensor>]);
  });

  it('refuses what it cannot compute', () => {
    tf.tidy(() => {
      const config = small('gpt2');
      const params = initParams(config, 0);
      const run =
        (tokens: tf.Tensor, attentionMask?: tf.Tensor, p: Params = params) =>
        () =>
          forward(p, config, { tokens, ...(attentionMask && { attentionMask }) } as never);
      const good = matrix([[1, 2]]);
      expect(run(tf.ones([1, 2]))).toThrow(
        'forward: tokens is a float32 tensor of shape [1, 2], expected int32 [B, T]',
      );
      expect(run(tf.ones([2], 'int32'))).toThrow('expected int32 [B, T]');
      expect(run(tf.ones([1, 7], 'int32'))).toThrow(
        'forward: tokens has shape [1, 7], expected [B, T] with B >= 1 and 1 <= T <= 6 (maxPositions)',
      );
      expect(run(tf.ones([1, 0], 'int32'))).toThrow('1 <= T');
      expect(run(good, matrix([[1]]))).toThrow(
        'forward: attentionMask has shape [1, 1], expected [1, 2] as tokens',
      );
      const lacking = without(params, 'transformer.h.1.ln_2.bias');
      expect(run(good, undefined, lacking)).toThrow(
        "forward: params has no 'transformer.h.1.ln_2.bias', expected the config's parameters",
      );
    });
  });
});
