import {
  type Params,
  applyUpdates,
  fold,
  normal,
  randomNormal,
  rng,
  sgd,
  valueAndGrad,
} from '@cfrl/engine';
import {
  type LazyModel,
  type OutputLoss,
  type PlainKernel,
  type Rows,
  crossEntropyLoss,
  empiricalNtk,
  kernelRegression,
  lazyFlow,
  lazyLeastSquares,
  lazyTraining,
  linearize,
  mseLoss,
  policyGradientLoss,
} from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import fixture from './fixtures/lazy.json' with { type: 'json' };
import { messageOf } from './support/errors.js';
import { apply, multiply, transpose } from './support/matrix.js';
import { slopeOf } from './support/second-order.js';

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** The largest difference, against the largest number. */
function distance(a: Rows, b: Rows): number {
  expect(a.map((row) => row.length)).toEqual(b.map((row) => row.length));
  const [x, y] = [a.flat(), b.flat()];
  const most = Math.max(...y.map(Math.abs));
  return Math.max(...x.map((value, i) => Math.abs(value - y[i]!))) / most;
}

const draw = (seed: number, rows: number, columns: number): number[][] => {
  const source = rng(seed);
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => normal(source)));
};
const reshape = (x: readonly number[], O: number): number[][] =>
  Array.from({ length: x.length / O }, (_, n) => x.slice(n * O, (n + 1) * O));

/** `[M O][N O]` as `[M][O][N][O]`. */
const blocks = (K: Rows, O: number): PlainKernel =>
  reshape(K as never, O).map((rows) => (rows as never as number[][]).map((row) => reshape(row, O)));

/** A linear model `f = f0 + J theta` on `N` examples and `M` test points, and its kernels, in double precision. */
function linearModel(seed: number, [N, M, O, P]: readonly [number, number, number, number]) {
  const J = draw(fold(seed, 'J'), N * O, P);
  const tested = draw(fold(seed, 'test'), M * O, P);
  const model: LazyModel = {
    kernel: blocks(multiply(J, transpose(J)), O),
    initial: draw(fold(seed, 'initial'), N, O),
    test: {
      kernel: blocks(multiply(tested, transpose(J)), O),
      initial: draw(fold(seed, 'testInitial'), M, O),
    },
  };
  const outputs = (Jacobian: Rows, initial: Rows, theta: readonly number[]): number[][] => {
    const moved = apply(Jacobian, theta);
    return initial.map((row, n) => row.map((f, k) => f + moved[n * O + k]!));
  };
  return {
    model,
    P,
    train: (theta: readonly number[]) => outputs(J, model.initial, theta),
    test: (theta: readonly number[]) => outputs(tested, model.test!.initial, theta),
    gradient: (atOutputs: Rows) => apply(transpose(J), atOutputs.flat()),
  };
}

const shape = [4, 2, 3, 7] as const;
const losses: Record<string, OutputLoss> = {
  mse: mseLoss(draw(1, 4, 3)),
  crossEntropy: crossEntropyLoss([2, 0, 1, 1]),
  policyGradient: policyGradientLoss(
    [
      { example: 0, token: 2, weight: 1.5 },
      { example: 0, token: 1, weight: -0.5 },
      { example: 3, token: 0, weight: 0.7 },
    ],
    2,
  ),
};

describe('losses of outputs', () => {
  it.each(Object.keys(losses))('%s: the gradient is what central differences approach', (name) => {
    const { value, gradient } = losses[name]!;
    const outputs = draw(2, 4, 3);
    const h = 1e-5;
    const moved = (n: number, k: number, by: number) =>
      value(outputs.map((row, i) => row.map((f, j) => (i === n && j === k ? f + by : f))));
    const differences = outputs.map((row, n) =>
      row.map((_, k) => (moved(n, k, h) - moved(n, k, -h)) / (2 * h)),
    );
    expect(distance(gradient(outputs), differences)).toBeLessThan(1e-8);
  });

  it('cross-entropy is that of TensorFlow.js; the policy gradient of one token a row, weight 1, is it', () => {
    const outputs = draw(3, 4, 3);
    const tokens = [2, 0, 1, 1];
    const labels = tf.oneHot(tf.tensor1d(tokens, 'int32'), 3);
    const expected = tf.losses.softmaxCrossEntropy(labels, tf.tensor2d(outputs));
    expect(losses['crossEntropy']!.value(outputs)).toBeCloseTo(expected.dataSync()[0]!, 5);
    const samples = tokens.map((token, example) => ({ example, token, weight: 1 }));
    expect(policyGradientLoss(samples, 4).gradient(outputs)).toEqual(
      losses['crossEntropy']!.gradient(outputs),
    );
  });

  it('a logit far from the others overflows nothing', () => {
    expect(crossEntropyLoss([0]).value([[-1e4, 1e4]])).toBe(2e4);
    expect(crossEntropyLoss([0]).gradient([[1e4, -1e4]])).toEqual([[0, 0]]);
  });
});

describe('lazyTraining', () => {
  it.each(Object.keys(losses))(
    'of %s is gradient descent on the parameters of a linear model, in double precision',
    (name) => {
      const loss = losses[name]!;
      const { model, P, train, test, gradient } = linearModel(4, shape);
      const options = { ...model, loss, learningRate: 0.1, steps: 50 };
      let theta = new Array<number>(P).fill(0);
      for (const place of lazyTraining(options)) {
        const outputs = train(theta);
        expect(distance(place.outputs, outputs)).toBeLessThan(1e-9);
        expect(distance(place.testOutputs!, test(theta))).toBeLessThan(1e-9);
        expect(place.loss).toBeCloseTo(loss.value(outputs), 10);
        const step = gradient(loss.gradient(outputs));
        theta = theta.map((value, p) => value - 0.1 * step[p]!);
      }
    },
  );

  it('with a traced kernel is that with the kernel times the identity', () => {
    const K = draw(5, 3, 2);
    const traced = multiply(K, transpose(K));
    const full = traced.map((row) =>
      [0, 1].map((k) => row.map((x) => [0, 1].map((l) => (k === l ? x : 0)))),
    );
    const options = {
      initial: draw(6, 3, 2),
      loss: crossEntropyLoss([1, 0, 1]),
      learningRate: 0.3,
      steps: 20,
    };
    const last = (kernel: PlainKernel) => [...lazyTraining({ ...options, kernel })].at(-1)!.outputs;
    expect(distance(last(traced), last(full))).toBeLessThan(1e-12);
  });

  it('takes another loss at each step where it changes', () => {
    const { model } = linearModel(7, shape);
    const options = { ...model, learningRate: 0.1, steps: 1 };
    const asked: number[] = [];
    const loss = (step: number) => {
      asked.push(step);
      return step === 0 ? losses['mse']! : losses['crossEntropy']!;
    };
    const [first, second] = [...lazyTraining({ ...options, loss })];
    expect(asked).toEqual([0, 1]);
    const alone = [...lazyTraining({ ...options, loss: losses['mse']! })];
    expect(second!.outputs).toEqual(alone[1]!.outputs);
    expect(second!.loss).toBe(losses['crossEntropy']!.value(second!.outputs));
    expect(first!.loss).toBe(alone[0]!.loss);
  });

  it('computes no further than it is asked, and says when the steps are too large', () => {
    const options = {
      kernel: [[1e30]],
      initial: [[1]],
      loss: mseLoss([[0]]),
      learningRate: 1e300,
      steps: 1e6,
    };
    const training = lazyTraining(options);
    expect(training.next().value!.outputs).toEqual([[1]]);
    expect(messageOf(() => training.next())).toBe(
      'RangeError: lazyTraining: step 1: outputs or loss come out as NaN or infinite, expected finite numbers; take a smaller learningRate',
    );
  });
});

/** A network of one hidden layer in the NTK parametrisation, with its weights drawn from N(0, 1). */
const wide = (p: Params, xs: readonly (readonly number[])[]): tf.Tensor2D => {
  const x = tf.tensor2d(xs.map((row) => [...row]));
  const [D, H] = p['w1']!.shape as [number, number];
  const hidden = tf.relu(tf.div(tf.matMul(x, p['w1'] as tf.Tensor2D), Math.sqrt(D)));
  return tf.div(
    tf.matMul(hidden as tf.Tensor2D, p['w2'] as tf.Tensor2D),
    Math.sqrt(H),
  ) as tf.Tensor2D;
};
const wideParams = (width: number, outputs: number, seed: number): Params => {
  const source = rng(seed);
  return {
    w1: randomNormal(source, [3, width]),
    w2: randomNormal(source, [width, outputs]),
  };
};
const inputs = draw(8, 4, 3);
const testInputs = draw(9, 2, 3);
const tokens = [2, 0, 1, 1];

/** Outputs, `[N][O]`, after each of some steps of plain gradient descent on the cross-entropy of the four inputs. */
function trained(
  f: (p: Params, xs: Rows) => tf.Tensor,
  start: Params,
  xs: Rows,
  learningRate: number,
  steps: number,
): number[][][] {
  const optimizer = sgd({ learningRate });
  const labels = tf.oneHot(tf.tensor1d(tokens, 'int32'), 3);
  const loss = (p: Params) =>
    tf.neg(tf.div(tf.sum(tf.mul(labels, tf.logSoftmax(f(p, inputs)))), 4));
  let params = start;
  const curve = [f(params, xs).arraySync() as number[][]];
  for (let step = 0; step < steps; step++) {
    const { updates } = optimizer.update(
      valueAndGrad(loss)(params).grads,
      optimizer.init(params),
      params,
    );
    params = applyUpdates(params, updates);
    curve.push(f(params, xs).arraySync() as number[][]);
  }
  return curve;
}

/** The same from the kernel alone. */
function predicted(params: Params, learningRate: number, steps: number) {
  const start = (xs: Rows) => wide(params, xs).arraySync();
  return [
    ...lazyTraining({
      kernel: empiricalNtk(wide, params, inputs).arraySync(),
      initial: start(inputs),
      test: {
        kernel: empiricalNtk(wide, params, testInputs, inputs).arraySync(),
        initial: start(testInputs),
      },
      loss: crossEntropyLoss(tokens),
      learningRate,
      steps,
    }),
  ];
}

describe('linearize', () => {
  it('is the value and the derivative along the way: of a linear model the model, of a square its tangent', () => {
    const line = ({ w, b }: Params, x: tf.Tensor) => tf.add(tf.mul(w!, x), b!);
    const at = { w: tf.scalar(2), b: tf.scalar(1) };
    const x = tf.tensor1d([1, -3]);
    const moved = { w: tf.scalar(5), b: tf.scalar(-1) };
    expect(linearize(line, at)(moved, x).arraySync()).toEqual(line(moved, x).arraySync());
    const square = linearize(({ w }, y: tf.Tensor) => tf.mul(tf.square(w!), y), at);
    expect(square({ w: tf.scalar(5) }, x).arraySync()).toEqual([16, -48]); // (4 + 4 * 3) x
  });

  it('trained for real does what lazyTraining says, step by step, on test points too', () => {
    const params = wideParams(16, 3, 10);
    const curve = predicted(params, 1, 20);
    const f = linearize(wide, params);
    const [real, tested] = [inputs, testInputs].map((xs) => trained(f, params, xs, 1, 20));
    curve.forEach(({ outputs, testOutputs }, step) => {
      expect(distance(outputs, real![step]!)).toBeLessThan(1e-4);
      expect(distance(testOutputs!, tested![step]!)).toBeLessThan(1e-4);
    });
    // Which the network itself, narrow as it is, does not.
    expect(
      distance(curve.at(-1)!.outputs, trained(wide, params, inputs, 1, 20).at(-1)!),
    ).toBeGreaterThan(0.02);
  });

  it('refuses parameters that are not those of the model', () => {
    const f = linearize(({ w }, x: tf.Tensor) => tf.mul(w!, x), { w: tf.scalar(1) });
    const x = tf.scalar(1);
    expect([{ v: x }, { w: tf.ones([2]) }].map((p) => messageOf(() => f(p as never, x))))
      .toMatchInlineSnapshot(`
      [
        "RangeError: linearize: params2 has 'v', expected only w",
        "RangeError: linearize: params2 'w' has shape [2], expected [] as its parameter",
      ]
    `);
  });
});

describe('wide networks', () => {
  it('train as their kernel says, the nearer the wider, at width 2,048 within some percent', () => {
    const distances = [32, 256, 2048].map((width) => {
      const each = [0, 1, 2].map((seed) => {
        const params = wideParams(width, 3, fold(seed, 'wide'));
        const last = predicted(params, 1, 30).at(-1)!;
        const real = trained(wide, params, [...inputs, ...testInputs], 1, 30).at(-1)!;
        return distance([...last.outputs, ...last.testOutputs!], real);
      });
      return each.reduce((sum, x) => sum + x, 0) / 3;
    });
    expect(distances[1]!).toBeLessThan(0.6 * distances[0]!);
    expect(distances[2]!).toBeLessThan(0.6 * distances[1]!);
    expect(distances[2]!).toBeLessThan(0.05);
  });

  it('have the analytic kernel of ReLU, as 1 / sqrt(width)', () => {
    const dot = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, x, i) => sum + x * b[i]!, 0) / 3;
    // Arc-cosine kernels of degree 1 (outputs' weights) and 0 (the first layer's): Cho and Saul 2009; Jacot et al. 2018.
    const analytic = inputs.map((a) =>
      inputs.map((b) => {
        const norms = Math.sqrt(dot(a, a) * dot(b, b));
        const angle = Math.acos(Math.min(1, dot(a, b) / norms));
        const k1 =
          (norms * (Math.sin(angle) + (Math.PI - angle) * Math.cos(angle))) / (2 * Math.PI);
        const k0 = (Math.PI - angle) / (2 * Math.PI);
        return k1 + dot(a, b) * k0;
      }),
    );
    const widths = [64, 256, 1024, 4096];
    const errors = widths.map((width) => {
      const squares = Array.from({ length: 12 }, (_, seed) =>
        tf.tidy(() => {
          const params = wideParams(width, 1, fold(seed, 'analytic'));
          const kernel = tf.reshape(empiricalNtk(wide, params, inputs), [4, 4]);
          return tf.sum(tf.square(tf.sub(kernel, tf.tensor2d(analytic)))).dataSync()[0]!;
        }),
      );
      return Math.sqrt(squares.reduce((sum, x) => sum + x, 0) / 12);
    });
    const slope = slopeOf(widths.map(Math.log), errors.map(Math.log));
    expect(slope).toBeGreaterThan(-0.65);
    expect(slope).toBeLessThan(-0.35);
    const norm = Math.hypot(...analytic.flat());
    expect(errors.at(-1)! / norm).toBeLessThan(0.05);
  });
});

const { targets, initial, testInitial, learningRate, times, labels } = fixture;
const ofFixture = (kind: 'full' | 'traced'): LazyModel => ({
  kernel: fixture[kind].kernel as PlainKernel,
  initial,
  test: { kernel: fixture[kind].testKernel as PlainKernel, initial: testInitial },
});

describe.each(['full', 'traced'] as const)('with a %s kernel', (kind) => {
  const model = ofFixture(kind);

  it('lazyLeastSquares is gradient_descent_mse of neural-tangents in double precision', () => {
    const { flow } = lazyLeastSquares({ ...model, targets, learningRate });
    [...times, Infinity].forEach((time, i) => {
      const { outputs, testOutputs } = flow(time);
      expect(distance(outputs, fixture[kind].mse[i]!.outputs)).toBeLessThan(1e-9);
      expect(distance(testOutputs!, fixture[kind].mse[i]!.testOutputs)).toBeLessThan(1e-9);
    });
  });

  it('kernelRegression with a ridge is theirs', () => {
    const { testOutputs } = kernelRegression({ ...model, targets, ridge: 0.5 });
    expect(distance(testOutputs!, fixture[kind].ridge)).toBeLessThan(1e-9);
  });

  it('lazyFlow of the cross-entropy is their gradient_descent', () => {
    const options = { ...model, loss: crossEntropyLoss(labels), learningRate, times };
    [...lazyFlow(options)].forEach(({ outputs, testOutputs }, i) => {
      const theirs = fixture[kind].crossEntropy[i]!;
      expect(distance(outputs, theirs.outputs)).toBeLessThan(1e-6); // their solver's tolerance
      expect(distance(testOutputs!, theirs.testOutputs)).toBeLessThan(1e-6);
    });
  });
});

describe('lazyFlow', () => {
  it('of squared errors is the closed form, at any tolerance in its bounds', () => {
    const model = ofFixture('full');
    const { flow } = lazyLeastSquares({ ...model, targets, learningRate });
    for (const tolerance of [1e-4, 1e-8, 1e-12]) {
      const options = { ...model, loss: mseLoss(targets), learningRate, times, tolerance };
      for (const { time, loss, outputs, testOutputs } of lazyFlow(options)) {
        const expected = flow(time);
        expect(distance(outputs, expected.outputs)).toBeLessThan(50 * tolerance);
        expect(distance(testOutputs!, expected.testOutputs!)).toBeLessThan(50 * tolerance);
        expect(Math.abs(loss - expected.loss)).toBeLessThan(50 * tolerance * flow(0).loss);
      }
    }
  });

  it('is the limit of small steps: the distance falls with the step size', () => {
    const { model } = linearModel(11, shape);
    const loss = losses['policyGradient']!;
    const { outputs } = [...lazyFlow({ ...model, loss, learningRate: 1, times: [1] })][0]!;
    const distances = [20, 40, 80].map((steps) => {
      const curve = [...lazyTraining({ ...model, loss, learningRate: 1 / steps, steps })];
      return distance(curve.at(-1)!.outputs, outputs);
    });
    expect(distances[0]! / distances[1]!).toBeCloseTo(2, 0);
    expect(distances[1]! / distances[2]!).toBeCloseTo(2, 0);
  });

  it('says when it would take for ever', () => {
    const options = { kernel: [[1e30]], initial: [[0]], loss: mseLoss([[1]]), learningRate: 1 };
    expect(messageOf(() => [...lazyFlow({ ...options, times: [1] })])).toBe(
      'RangeError: lazyFlow: the flow is too fast for steps of its integration, expected learningRate * time * (largest eigenvalue of the ' +
        'kernel) below some millions; look at earlier times, and for a negative learningRate',
    );
  });

  it('never raises the loss', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.constantFrom(...Object.keys(losses)),
        (seed, name) => {
          const { model } = linearModel(seed, shape);
          const places = [
            ...lazyFlow({
              ...model,
              loss: losses[name]!,
              learningRate: 1,
              times: [0, 0.1, 0.5, 2],
            }),
          ];
          for (let i = 1; i < places.length; i++)
            expect(places[i]!.loss).toBeLessThanOrEqual(places[i - 1]!.loss + 1e-9);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('lazyLeastSquares', () => {
  it('descent is lazyTraining, also where a step goes too far and back', () => {
    for (const rate of [0.05, 0.5]) {
      const { model } = linearModel(12, [4, 2, 3, 7]);
      const goals = draw(13, 4, 3);
      const { descent, eigenvalues } = lazyLeastSquares({
        ...model,
        targets: goals,
        learningRate: rate,
      });
      expect((rate * eigenvalues[0]!) / 12 > 1).toBe(rate === 0.5);
      const curve = lazyTraining({ ...model, loss: mseLoss(goals), learningRate: rate, steps: 12 });
      for (const { step, outputs, testOutputs, loss } of curve) {
        const closed = descent(step);
        expect(distance(closed.outputs, outputs)).toBeLessThan(1e-9);
        expect(distance(closed.testOutputs!, testOutputs!)).toBeLessThan(1e-9);
        expect(closed.loss).toBeCloseTo(loss, 9);
      }
    }
  });

  it('ends at the targets where the kernel has full rank, and as near as it can get where not', () => {
    const full = linearModel(14, [3, 2, 2, 20]);
    const goals = draw(15, 3, 2);
    const ends = lazyLeastSquares({ ...full.model, targets: goals, learningRate: 0.1 });
    expect(distance(ends.flow(Infinity).outputs, goals)).toBeLessThan(1e-9);
    expect(distance(ends.descent(Infinity).outputs, goals)).toBeLessThan(1e-9);
    expect(ends.flow(0).outputs).toEqual(full.model.initial);
    // Two parameters for six outputs: what is left of the residual is orthogonal to the Jacobian.
    const poor = linearModel(16, [3, 2, 2, 2]);
    const { outputs } = lazyLeastSquares({ ...poor.model, targets: goals, learningRate: 0.1 }).flow(
      Infinity,
    );
    const residual = outputs.map((row, n) => row.map((f, k) => f - goals[n]![k]!));
    expect(Math.max(...poor.gradient(residual).map(Math.abs))).toBeLessThan(1e-9);
  });

  it('says when its steps diverge', () => {
    const options = { kernel: [[4]], initial: [[0]], targets: [[1]], learningRate: 1 };
    const { descent } = lazyLeastSquares(options);
    expect(messageOf(() => descent(Infinity))).toBe(
      'RangeError: lazyLeastSquares: outputs or loss come out as NaN or infinite, expected finite numbers; take a smaller learningRate',
    );
    expect(messageOf(() => descent(1.5))).toBe(
      'RangeError: lazyLeastSquares: steps is 1.5, expected an integer >= 0 or Infinity',
    );
  });
});

describe('kernelRegression', () => {
  it('solves (K + ridge I) a = y, the least of |f - y|^2 + ridge |theta|^2', () => {
    const { model, P, train, gradient } = linearModel(17, shape);
    const goals = draw(18, 4, 3);
    const ridge = 0.3;
    const { outputs } = kernelRegression({ ...model, targets: goals, ridge });
    // theta = J^T (y - f) / ridge is where the gradient of the sum is 0.
    const left = goals.map((row, n) => row.map((y, k) => y - outputs[n]![k]!));
    const theta = gradient(left).map((g) => g / ridge);
    expect(theta).toHaveLength(P);
    expect(distance(train(theta), outputs)).toBeLessThan(1e-9);
  });

  it('without a ridge is where gradient flow ends', () => {
    const model = ofFixture('full');
    const end = lazyLeastSquares({ ...model, targets, learningRate }).flow(Infinity);
    expect(kernelRegression({ ...model, targets })).toEqual(end);
  });
});

describe('what does not fit', () => {
  it('is refused before any work', () => {
    const good = {
      kernel: [
        [1, 0],
        [0, 1],
      ],
      initial: [[0], [0]],
      targets: [[1], [1]],
    };
    const bad = [
      { ...good, kernel: [[1, 0]] },
      {
        ...good,
        kernel: [
          [1, 0.5],
          [0, 1],
        ],
      },
      { ...good, kernel: tf.ones([2, 2]) },
      {
        ...good,
        kernel: [
          [1, NaN],
          [NaN, 1],
        ],
      },
      { ...good, initial: [[0]] },
      { ...good, initial: [0, 0] },
      {
        ...good,
        targets: [
          [1, 2],
          [3, 4],
        ],
      },
      { ...good, test: { kernel: [[1]], initial: [[0]] } },
      { ...good, test: { kernel: [[1, 1]], initial: [[0, 0]] } },
      { ...good, ridge: -1 },
      { ...good, tolerance: 2 },
    ];
    expect(bad.map((each) => messageOf(() => kernelRegression(each as never))))
      .toMatchInlineSnapshot(`
      [
        "RangeError: kernelRegression: kernel is 1 rows of 2, expected arrays [2][1][2][1], or traced [2][2], to fit the outputs; of a tensor arraySync() makes them",
        "RangeError: kernelRegression: kernel is not symmetric (entries 1, 0 are 0 and 0.5), expected the training examples' kernel with themselves",
        "RangeError: kernelRegression: kernel is an object with kept, isDisposedInternal, shape, dtype, size, strides, dataId, id and 2 more, expected arrays [2][1][2][1], or traced [2][2], to fit the outputs; of a tensor arraySync() makes them",
        "RangeError: kernelRegression: kernel has NaN or infinite entries, expected finite numbers",
        "RangeError: kernelRegression: kernel is 2 rows of 2, expected arrays [1][1][1][1], or traced [1][1], to fit the outputs; of a tensor arraySync() makes them",
        "TypeError: kernelRegression: initial is an array, expected rows of one length, as arrays of numbers; of a tensor arraySync() makes them",
        "RangeError: kernelRegression: targets has 2 rows of 2 numbers, expected [2, 1]",
        "RangeError: kernelRegression: test.kernel is 1 rows of 1, expected arrays [1][1][2][1], or traced [1][2], to fit the outputs; of a tensor arraySync() makes them",
        "RangeError: kernelRegression: test.initial has 1 rows of 2 numbers, expected [M, 1]",
        "RangeError: kernelRegression: ridge is -1, expected a number in [0, 1.7976931348623157e+308]",
        "RangeError: kernelRegression: tolerance is 2, expected a number in [0, 1]",
      ]
    `);
  });
});
