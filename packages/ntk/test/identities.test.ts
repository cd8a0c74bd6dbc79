import { countParams, mapParams, normal, randomNormal, rng } from '@cfrl/engine';
import {
  assemble,
  attributeEntropyChange,
  decompose,
  empiricalNtk,
  jacobian,
  layerNtk,
  logProbTransform,
  measureUpdate,
  predictStep,
  predictUpdate,
  sampleGradient,
} from '@cfrl/ntk';
import type { PolicyGradientStep, SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { forAllCases } from './support/cases.js';
import type { Case } from './support/cases.js';
import { expectClose, largest, numbers } from './support/close.js';
import { apply, dot, eigenvalues, multiply, orthogonalTo, transpose } from './support/matrix.js';
import type { Matrix } from './support/matrix.js';
import { logitsFn } from './support/models.js';
import type { Context } from './support/models.js';
import { expectQuarters, halving, power } from './support/second-order.js';

const classifier = (model: SplitModel<Context>) => model.params[model.classifier] as tf.Tensor2D;

/** `[N, V, M, V]` as one `N V x M V` matrix, and one of its `V x V` blocks. */
const flat = (kernel: tf.Tensor): Matrix => {
  const [N, V, M, O] = kernel.shape as [number, number, number, number];
  return tf.reshape(kernel, [N * V, M * O]).arraySync() as number[][];
};
const block = (kernel: tf.Tensor4D, n: number, m: number): Matrix =>
  kernel.arraySync()[n]!.map((row) => row[m]!);

const split = ({ model, contexts, contexts2 }: Case) =>
  assemble(decompose(model, contexts, contexts2), classifier(model));

/**
 * The logits with `W` as a constant where it is the classifier: only the features move. A copy,
 * because the tape knows tensors by identity: the parameter itself would move wherever it is used.
 */
const throughFeatures = (model: SplitModel<Context>): typeof model.features => {
  const constant = tf.clone(classifier(model));
  return (params, contexts) => tf.matMul(model.features(params, contexts), tf.transpose(constant));
};

/** The logits with the features as constants: only the classifier moves. */
const throughClassifier = (model: SplitModel<Context>): typeof model.features => {
  const constants = mapParams(model.params, (tensor) => tf.clone(tensor));
  return (params, contexts) =>
    tf.matMul(
      model.features(constants, contexts),
      tf.transpose(params[model.classifier] as tf.Tensor2D),
    );
};

const parts = (prediction: object): [string, tf.Tensor][] => Object.entries(prediction);

/** The largest number among a prediction's parts: what rounding is to be compared with. */
const size = (prediction: object): number =>
  Math.max(...parts(prediction).map(([, change]) => largest(change)));

function expectPositiveSemiDefinite(kernel: tf.Tensor): void {
  const gram = flat(kernel);
  const values = eigenvalues(gram);
  expect(values[0]!).toBeGreaterThanOrEqual(-1e-5 * Math.max(...values.map(Math.abs), 1e-6));
}

describe("identity 1: K(c, c') = K(c', c)^T; Gram matrices are positive semi-definite", () => {
  it("K(c, c') is the transpose of K(c', c), and so are the components", () => {
    forAllCases((given) => {
      const { model, contexts, contexts2 } = given;
      const there = empiricalNtk(logitsFn(model), model.params, contexts, contexts2);
      const back = empiricalNtk(logitsFn(model), model.params, contexts2, contexts);
      expectClose(there, tf.transpose(back, [2, 3, 0, 1]));

      const forth = split(given);
      const mirrored = split({ ...given, contexts: contexts2, contexts2: contexts });
      expectClose(forth.representation, tf.transpose(mirrored.representation, [2, 3, 0, 1]));
      expectClose(forth.gradient, tf.transpose(mirrored.gradient, [2, 3, 0, 1]));
      if (!model.tied) return;
      expectClose(forth.cross!, tf.transpose(mirrored.crossMirror!, [2, 3, 0, 1]));
    });
  });

  it('without a second list the kernel is that of the list with itself', () => {
    forAllCases(({ model, contexts }) => {
      const one = empiricalNtk(logitsFn(model), model.params, contexts);
      const two = empiricalNtk(logitsFn(model), model.params, contexts, contexts);
      expectClose(one, two);
      const gradient = decompose(model, contexts);
      const same = decompose(model, contexts, contexts);
      expectClose(gradient.gradientKernel, same.gradientKernel);
      if (model.tied) expectClose(gradient.cross!.mirrorFactor, same.cross!.mirrorFactor);
    });
  });

  it('the Gram matrices of K, R, G and each layer are positive semi-definite', () => {
    forAllCases(({ model, contexts, contexts2 }) => {
      const all = [...contexts, ...contexts2];
      expectPositiveSemiDefinite(empiricalNtk(logitsFn(model), model.params, all));
      const layers = layerNtk(logitsFn(model), model.params, all);
      for (const kernel of Object.values(layers)) expectPositiveSemiDefinite(kernel);
      const { representation, gradient } = assemble(decompose(model, all), classifier(model));
      expectPositiveSemiDefinite(representation);
      expectPositiveSemiDefinite(gradient);
    });
  });
});

describe('identity 2: K is the sum over parameters; the classifier alone is R, the rest is G', () => {
  it('the kernels of all parameters sum to K', () => {
    forAllCases(({ model, contexts, contexts2 }) => {
      const layers = layerNtk(logitsFn(model), model.params, contexts, contexts2);
      expect(Object.keys(layers)).toEqual(Object.keys(model.params));
      const K = empiricalNtk(logitsFn(model), model.params, contexts, contexts2);
      expectClose(tf.addN(Object.values(layers)), K);
    });
  });

  it('over the classifier alone K is R, over all the rest it is G', () => {
    const over = ({ model, contexts, contexts2 }: Case, select: (name: string) => boolean) =>
      empiricalNtk(logitsFn(model), model.params, contexts, contexts2, { select });
    forAllCases(
      (given) => {
        const { representation, gradient, ntk } = split(given);
        const scale = largest(ntk);
        const isClassifier = (name: string) => name === given.model.classifier;
        expectClose(over(given, isClassifier), representation, { scale });
        expectClose(
          over(given, (name) => !isClassifier(name)),
          gradient,
          { scale },
        );
        expectClose(
          over(given, () => true),
          ntk,
        );
      },
      { tied: false },
    );
  });
});

describe("identity 3: R = <phi, phi'> I_V is the Jacobian contraction with respect to W", () => {
  it('equals the contraction of the classifier path', () => {
    forAllCases((given) => {
      const { model, contexts, contexts2 } = given;
      const select = (name: string) => name === model.classifier;
      const path = throughClassifier(model);
      const contraction = empiricalNtk(path, model.params, contexts, contexts2, { select });
      expectClose(split(given).representation, contraction, { relative: 1e-6 });
    });
  });

  it("has the norm |<phi, phi'>| sqrt(V) and the trace <phi, phi'> V", () => {
    forAllCases((given) => {
      const { model, contexts, contexts2 } = given;
      const { representationNorm, representationTrace } = decompose(model, contexts, contexts2);
      const { representation } = split(given);
      expectClose(representationNorm, tf.sqrt(tf.sum(tf.square(representation), [1, 3])));
      expectClose(representationTrace, traces(representation));
    });
  });
});

const traces = (kernel: tf.Tensor4D): tf.Tensor =>
  tf.sum(
    tf.mul(kernel, tf.reshape(tf.eye(kernel.shape[1]), [1, kernel.shape[1], 1, kernel.shape[1]])),
    [1, 3],
  );

describe("identity 4: rank G(c, c') <= D, and W^T u = 0 implies G u = 0", () => {
  /** G by the library's factors and by contracting the Jacobian of the feature path. */
  const routes = (given: Case) => {
    const { model, contexts, contexts2 } = given;
    const select = (name: string) => model.tied || name !== model.classifier;
    const path = throughFeatures(model);
    return [
      split(given).gradient,
      empiricalNtk(path, model.params, contexts, contexts2, { select }),
    ] as const;
  };

  it('both routes to G agree', () => {
    forAllCases((given) => {
      const [factored, contracted] = routes(given);
      expectClose(factored, contracted);
    });
  });

  it('no more than D singular values differ from 0', () => {
    forAllCases((given) => {
      const D = given.shape.width;
      for (const G of routes(given)) {
        const B = block(G, 0, 0);
        const squares = eigenvalues(multiply(transpose(B), B)).reverse();
        const most = Math.sqrt(squares[0]!);
        for (const square of squares.slice(D)) {
          expect(Math.sqrt(Math.abs(square))).toBeLessThanOrEqual(1e-5 * Math.max(most, 1e-6));
        }
      }
    });
  });

  it('G sends to 0 what W^T sends to 0', () => {
    forAllCases((given) => {
      const { model, shape } = given;
      const source = rng(1);
      const random = Array.from({ length: shape.vocabulary }, () => normal(source));
      const u = orthogonalTo(classifier(model).arraySync(), random);
      for (const G of routes(given)) {
        const image = apply(block(G, 0, 0), u);
        expectClose(
          image,
          image.map(() => 0),
          { scale: largest(G) * Math.max(1, largest(u)) },
        );
      }
    });
  });

  it('the norm and the trace of G come out of A and S = W^T W', () => {
    forAllCases((given) => {
      const { model, contexts, contexts2 } = given;
      const { gradientNorm, gradientTrace } = decompose(model, contexts, contexts2);
      const [, G] = routes(given);
      const scale = largest(G);
      // The norm's square root magnifies rounding near 0.
      expectClose(gradientNorm, tf.sqrt(tf.sum(tf.square(G), [1, 3])), { scale, relative: 1e-3 });
      expectClose(gradientTrace, traces(G), { scale });
    });
  });
});

describe('identity 5: T 1 = 0, pi^T T = 0, 1^T d = 0, E d = 0', () => {
  const logits = ({ model, contexts }: Case) => logitsFn(model)(model.params, contexts);
  const zeros = (like: readonly number[]) => like.map(() => 0);

  it('T sends constants to 0 and pi^T T is 0', () => {
    forAllCases((given) => {
      const z = logits(given);
      const policy = tf.softmax(z).arraySync();
      (logProbTransform(z).arraySync() as number[][][]).forEach((T, n) => {
        const ones = apply(
          T,
          T.map(() => 1),
        );
        expectClose(ones, zeros(ones), { scale: 1, relative: 1e-6 });
        const expected = apply(transpose(T), policy[n]!);
        expectClose(expected, zeros(expected), { scale: 1, relative: 1e-6 });
      });
    });
  });

  it('the expected log-probability change under pi is 0 to first order, in every component', () => {
    forAllCases((given) => {
      const policy = tf.softmax(logits(given));
      for (const [, change] of parts(predictUpdate(given.model, given.contexts, given.step))) {
        const mean = numbers(tf.sum(tf.mul(policy, change), -1));
        expectClose(mean, zeros(mean), { scale: largest(change) });
      }
    });
  });

  it('d sums to 0 and its mean under pi is 0', () => {
    forAllCases((given) => {
      const z = tf.slice(logits(given), [0, 0], [1, -1]);
      const V = z.shape[1];
      const tokens = Array.from({ length: V }, (_, token) => token);
      const d = sampleGradient(tf.tile(z, [V, 1]), tokens).arraySync();
      for (const row of d) expectClose([row.reduce((a, b) => a + b)], [0], { scale: 1 });
      const mean = apply(transpose(d), numbers(tf.softmax(z)));
      expectClose(mean, zeros(mean), { scale: 1 });
    });
  });

  it('a constant reward moves nothing in expectation', () => {
    forAllCases(({ model, contexts, contexts2, shape }) => {
      const context = contexts2[0]!;
      const policy = numbers(tf.softmax(logitsFn(model)(model.params, [context])));
      const of = (tokens: readonly number[]): PolicyGradientStep<Context> => ({
        samples: tokens.map((token) => ({ context, token, weight: 3 * policy[token]! })),
        learningRate: 0.5,
        completions: 1,
      });
      const all = Array.from({ length: shape.vocabulary }, (_, token) => token);
      const one = predictUpdate(model, contexts, of([0]));
      for (const [, change] of parts(predictUpdate(model, contexts, of(all)))) {
        expectClose(change, tf.zerosLike(change), { scale: Math.max(1, largest(one.total)) });
      }
    });
  });
});

describe('identity 6: adding one vector to every row of W changes no prediction', () => {
  // Untied only: in a tied model the rows are embeddings too, and shifting them changes the features.
  const shifted = ({ model, shape }: Case): SplitModel<Context> => ({
    ...model,
    params: {
      ...model.params,
      [model.classifier]: tf.add(classifier(model), randomNormal(rng(2), [1, shape.width], 1)),
    },
  });

  it('leaves pi, T K d and its parts as they were', () => {
    forAllCases(
      (given) => {
        const { model, contexts, contexts2, step } = given;
        const gauged = shifted(given);
        const policy = (m: typeof model) => tf.softmax(logitsFn(m)(m.params, contexts));
        expectClose(policy(gauged), policy(model));

        const before = predictUpdate(model, contexts, step);
        const after = Object.fromEntries(parts(predictUpdate(gauged, contexts, step)));
        for (const [name, change] of parts(before)) {
          expectClose(after[name]!, change, { scale: 0.1 * largest(before.total), relative: 2e-4 });
        }
        const delta = mapParams(model.params, (p) => randomNormal(rng(3), p.shape, 0.1));
        const one = predictStep(model, delta, contexts2);
        // Not `features`: a step of the body moves W's new constant part, which T removes again.
        expectClose(predictStep(gauged, delta, contexts2).total, one.total, { relative: 2e-4 });

        const entropy = attributeEntropyChange(model, contexts, step).total;
        const same = attributeEntropyChange(gauged, contexts, step).total;
        expectClose(same, entropy, { scale: 0.1 * largest(before.total), relative: 2e-4 });
      },
      { tied: false },
    );
  });
});

describe("identity 7: the prediction's error is O(learningRate^2)", () => {
  /** The step scaled so that its predicted change is `size`, or none where nothing moves. */
  const scaled = ({ model, contexts, step }: Case) => {
    const unit = largest(predictUpdate(model, contexts, { ...step, learningRate: 1 }).total);
    return unit < 1e-3 ? null : (size: number) => ({ ...step, learningRate: size / unit });
  };

  it('over four step sizes the error goes with the power 2 +- 0.05', () => {
    const powers: number[] = [];
    forAllCases(
      (given) => {
        const { model, contexts } = given;
        const at = scaled(given);
        if (at === null) return;
        const error = (size: number) => {
          const predicted = predictUpdate(model, contexts, at(size)).total;
          return numbers(tf.sub(measureUpdate(model, contexts, at(size)).change, predicted));
        };
        powers.push(power(error, 0.08));
      },
      { share: 2 },
    );
    const known = powers.filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
    expect(known.length).toBeGreaterThanOrEqual(6);
    expect(Math.abs(known[Math.floor(known.length / 2)]! - 2)).toBeLessThan(0.05);
    const near = known.filter((each) => Math.abs(each - 2) < 0.05);
    expect(near.length / known.length).toBeGreaterThanOrEqual(0.8); // of some the next powers count
  });

  it("leaves a quarter of the entropy's residual too", () => {
    const ratios: number[] = [];
    forAllCases((given) => {
      const { model, contexts } = given;
      const at = scaled(given);
      if (at === null) return;
      const error = (size: number) => {
        const measured = measureUpdate(model, contexts, at(size)).entropyChange;
        return attributeEntropyChange(model, contexts, at(size), { measured }).residual!;
      };
      ratios.push(halving(error, 0.04));
    });
    expectQuarters(ratios);
  });
});

describe('identity 8: zero rewards, linearity in the rewards, and order', () => {
  const predicted = ({ model, contexts }: Case, step: PolicyGradientStep<Context>) =>
    parts(predictUpdate(model, contexts, step));

  it('zero rewards give a zero update', () => {
    forAllCases((given) => {
      const samples = given.step.samples.map((sample) => ({ ...sample, weight: 0 }));
      for (const [, change] of predicted(given, { ...given.step, samples })) {
        expect(largest(change)).toBe(0);
      }
    });
  });

  it('the update is linear in the rewards, and the mean over completions', () => {
    forAllCases((given) => {
      const { step } = given;
      const weighted = (f: (weight: number, i: number) => number) => ({
        ...step,
        samples: step.samples.map((sample, i) => ({ ...sample, weight: f(sample.weight, i) })),
      });
      const first = Object.fromEntries(predicted(given, step));
      const other = Object.fromEntries(
        predicted(
          given,
          weighted((_, i) => i - 1.5),
        ),
      );
      const scale = Math.max(size(first), size(other));
      const both = predicted(
        given,
        weighted((weight, i) => 2 * weight - 3 * (i - 1.5)),
      );
      for (const [name, change] of both) {
        const sum = tf.sub(tf.mul(2, first[name]!), tf.mul(3, other[name]!));
        expectClose(change, sum, { scale: 5 * scale });
      }
      const twice = { ...step, completions: 2 * step.completions };
      for (const [name, change] of predicted(given, twice)) {
        expectClose(tf.mul(2, change), first[name]!, { scale });
      }
    });
  });

  it('the order of the samples does not matter', () => {
    forAllCases((given) => {
      const reversed = { ...given.step, samples: [...given.step.samples].reverse() };
      const first = Object.fromEntries(predicted(given, given.step));
      for (const [name, change] of predicted(given, reversed)) {
        expectClose(change, first[name]!, { scale: size(first) });
      }
    });
  });
});

describe('identity 9: routes agree, and memory never changes a result', () => {
  /** `(learningRate / completions) sum_i weight_i T(c) K(c, c_i) d_i`, pair by pair. */
  const slowly = ({ model, contexts, step }: Case, kernel: tf.Tensor4D): number[] => {
    const logits = (list: readonly Context[]) => logitsFn(model)(model.params, list);
    const T = logProbTransform(logits(contexts)).arraySync() as number[][][];
    const { samples, learningRate, completions } = step;
    const d = sampleGradient(
      logits(samples.map(({ context }) => context)),
      samples.map(({ token }) => token),
    ).arraySync();
    const rate = learningRate / completions;
    return contexts.flatMap((_, n) =>
      samples
        .map(({ weight }, i) =>
          apply(T[n]!, apply(block(kernel, n, i), d[i]!)).map((value) => rate * weight * value),
        )
        .reduce((sum, row) => sum.map((value, v) => value + row[v]!)),
    );
  };

  it('the predicted update is the sum over samples of T K d, component by component', () => {
    forAllCases((given) => {
      const { model, contexts, step } = given;
      const at = step.samples.map(({ context }) => context);
      const { ntk, ...kernels } = assemble(decompose(model, contexts, at), classifier(model));
      const { total, ...prediction } = predictUpdate(model, contexts, step);
      const scale = size({ total, ...prediction });
      const components = Object.fromEntries(parts(prediction));
      expect(Object.keys(kernels).sort()).toEqual(Object.keys(components).sort());
      for (const [name, kernel] of parts(kernels)) {
        expectClose(components[name]!, slowly(given, kernel as tf.Tensor4D), { scale });
      }
      expectClose(total, slowly(given, ntk), { scale });
      const K = empiricalNtk(logitsFn(model), model.params, contexts, at);
      expectClose(total, slowly(given, K), { scale });
    });
  });

  it('the predicted step is T times the contracted Jacobian of the whole model', () => {
    forAllCases(({ model, contexts }) => {
      const delta = mapParams(model.params, (p) => randomNormal(rng(4), p.shape, 0.1));
      const J = jacobian(logitsFn(model), model.params, contexts);
      const changes = Object.entries(J).map(([name, rows]) =>
        tf.sum(tf.mul(rows, tf.reshape(delta[name]!, [1, 1, -1])), -1),
      );
      const T = logProbTransform(logitsFn(model)(model.params, contexts));
      const expected = tf.sum(tf.mul(T, tf.expandDims(tf.addN(changes), 1)), -1);
      const prediction = predictStep(model, delta, contexts);
      const scale = size(prediction);
      expectClose(prediction.total, expected, { scale });
      const { classifier: own, features } = prediction;
      expectClose(tf.add(own, features), expected, { scale });
    });
  });

  it("the entropy's change is - Cov(log pi, delta z), by component, layer and sample", () => {
    forAllCases(({ model, contexts, step }) => {
      const logProbs = tf.logSoftmax(logitsFn(model)(model.params, contexts)).arraySync();
      const covariance = (change: tf.Tensor) =>
        (change.arraySync() as number[][]).map((row, n) => {
          const pi = logProbs[n]!.map(Math.exp);
          const product = row.map((value, v) => value * logProbs[n]![v]!);
          return dot(pi, row) * dot(pi, logProbs[n]!) - dot(pi, product);
        });
      const { total, ...prediction } = predictUpdate(model, contexts, step);
      const scale = size({ total, ...prediction });
      const attribution = attributeEntropyChange(model, contexts, step);
      expectClose(attribution.total, covariance(total), { scale });
      const components: Readonly<Record<string, readonly number[]>> = attribution.byComponent;
      expect(Object.keys(components).sort()).toEqual(Object.keys(prediction).sort());
      for (const [name, change] of parts(prediction)) {
        expectClose(components[name]!, covariance(change), { scale });
      }
      expect(Object.keys(attribution.byLayer).sort()).toEqual(Object.keys(model.params).sort());
      for (const [layer, change] of Object.entries(attribution.byLayer)) {
        const select = (name: string) => name === layer;
        const alone = predictUpdate(model, contexts, step, { select }).total;
        expectClose(change, covariance(alone), { scale });
      }
      step.samples.forEach((sample, s) => {
        const alone = predictUpdate(model, contexts, { ...step, samples: [sample] }).total;
        const change = attribution.bySample.map((row) => row[s]!);
        expectClose(change, covariance(alone), { scale });
      });
    });
  });

  it('maxBytes and batchSize change no result', () => {
    forAllCases(
      ({ model, contexts, contexts2, step }) => {
        const f = logitsFn(model);
        const kernels = [contexts2, undefined].map((other) =>
          empiricalNtk(f, model.params, contexts, other),
        );
        const split = decompose(model, contexts, contexts2);
        const prediction = predictUpdate(model, contexts, step);
        const entropy = attributeEntropyChange(model, contexts, step).total;
        const measured = measureUpdate(model, contexts, step).change;
        const scale = size(prediction);

        const two = 8 * countParams(model.params); // two rows of gradients
        for (const maxBytes of [two, 2.5 * two]) {
          const small = { maxBytes, batchSize: 1 };
          [contexts2, undefined].forEach((other, i) => {
            const again = empiricalNtk(f, model.params, contexts, other, { maxBytes });
            expectClose(again, kernels[i]!);
          });
          const pieces = decompose(model, contexts, contexts2, small);
          expectClose(pieces.gradientKernel, split.gradientKernel);
          const again = Object.fromEntries(
            parts(predictUpdate(model, contexts, step, { batchSize: 1 })),
          );
          for (const [name, change] of parts(prediction)) {
            expectClose(again[name]!, change, { scale });
          }
          const { total } = attributeEntropyChange(model, contexts, step, small);
          expectClose(total, entropy, { scale });
        }
        const again = measureUpdate(model, contexts, step, { batchSize: 1 }).change;
        expectClose(again, measured, { scale: 1 });
      },
      { share: 0.4 },
    );
  });
});

describe("identity 10: with tied embeddings R + G + C + C' = K", () => {
  it('the four terms sum to the contracted Jacobian of the whole model', () => {
    forAllCases(
      (given) => {
        const { model, contexts, contexts2 } = given;
        const { representation, gradient, cross, crossMirror, ntk } = split(given);
        const K = empiricalNtk(logitsFn(model), model.params, contexts, contexts2);
        const scale = largest(representation) + largest(gradient) + largest(cross!);
        expectClose(tf.addN([representation, gradient, cross!, crossMirror!]), K, { scale });
        expectClose(ntk, K, { scale });
      },
      { tied: true },
    );
  });

  it("C and C' have the norms and traces that the factors give", () => {
    forAllCases(
      (given) => {
        const { model, contexts, contexts2 } = given;
        const { cross: terms } = decompose(model, contexts, contexts2);
        const { cross, crossMirror } = split(given);
        const norm = (C: tf.Tensor) => tf.sqrt(tf.sum(tf.square(C), [1, 3]));
        const scale = largest(cross!) + largest(crossMirror!);
        expectClose(terms!.norm, norm(cross!), { scale, relative: 1e-3 });
        expectClose(terms!.mirrorNorm, norm(crossMirror!), { scale, relative: 1e-3 });
        expectClose(terms!.trace, traces(cross!), { scale });
        expectClose(terms!.mirrorTrace, traces(crossMirror!), { scale });
      },
      { tied: true },
    );
  });

  it('the predicted change splits into the same four terms', () => {
    forAllCases(
      ({ model, contexts, step }) => {
        const { total, ...components } = predictUpdate(model, contexts, step);
        expect(Object.keys(components).sort()).toEqual([
          'cross',
          'crossMirror',
          'gradient',
          'representation',
        ]);
        expectClose(tf.addN(Object.values(components)), total);
      },
      { tied: true },
    );
  });

  it('untied models have no cross terms, and R + G = K', () => {
    forAllCases(
      (given) => {
        const { model, contexts, contexts2 } = given;
        expect(decompose(model, contexts, contexts2).cross).toBeUndefined();
        const { representation, gradient } = split(given);
        const K = empiricalNtk(logitsFn(model), model.params, contexts, contexts2);
        expectClose(tf.add(representation, gradient), K);
      },
      { tied: false },
    );
  });
});
