import { type Params, disposeParams, mergeParams, sgd, valueAndGrad } from '@cfrl/engine';
import {
  type Algorithm,
  type LossInput,
  type ScoredCompletion,
  type StepRecord,
  type TrainOptions,
  clippedSquaredError,
  disposeState,
  fixedLength,
  groupNormalize,
  grpo,
  klK1,
  klK2,
  klK3,
  minibatches,
  perSequence,
  ppo,
  reinforce,
  rloo,
  sequenceSum,
  train,
} from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { logSoftmax, tablePolicy } from './policies.js';

type Numbers = readonly number[];
const sum = (xs: Numbers): number => xs.reduce((a, b) => a + b, 0);
const meanOf = (xs: Numbers): number => sum(xs) / xs.length;
const vocabulary = 4;
const start = [0.2, -0.3, 0.5, 0.1];
const reference = [0, 0.4, -0.2, 0.3];

/** Reward that depends on the text alone, so that each test can recompute it. */
const rewardOf = ({ tokens }: { tokens: readonly number[] }): number =>
  tokens.filter((token) => token === 2).length - 0.3 * tokens.length;

/** The parameters after `steps` steps of plain gradient descent, and the records. */
async function run(algorithm: Algorithm, options: Partial<TrainOptions<string>> = {}) {
  const params = { table: tf.tensor1d(start) };
  const refParams = { table: tf.tensor1d(reference) };
  const records: StepRecord[] = [];
  for await (const record of train({
    policy: tablePolicy(vocabulary, 3),
    params,
    algorithm,
    prompts: ['a', 'ba'],
    reward: rewardOf,
    optimizer: sgd({ learningRate: 0.5 }),
    steps: 1,
    seed: 11,
    promptsPerStep: 2,
    refParams,
    ...options,
  })) {
    records.push(record);
  }
  const { state } = records.at(-1)!;
  const after = Array.from(await state.params['table']!.data());
  disposeState(state);
  disposeParams(params);
  disposeParams(refParams);
  return { after, records, gradient: after.map((x, v) => (start[v]! - x) / 0.5) };
}

/** What each algorithm should compute, from its paper, with plain numbers on one completion's tokens. */
interface Definition {
  readonly algorithm: (epochs: number, minibatchSize: number) => Algorithm;
  readonly advantages: (all: readonly ScoredCompletion[], group: (i: number) => Numbers) => Numbers;
  /** Loss of a minibatch: log-probabilities now / then / under the reference, entropy, advantages. */
  readonly loss: (
    batch: readonly { now: Numbers; old: Numbers; ref: Numbers; entropy: number; a: number }[],
  ) => number;
}

const clip = (ratio: number, a: number, low = 0.2, high = low): number =>
  -Math.min(ratio * a, Math.min(Math.max(ratio, 1 - low), 1 + high) * a);
const others = (rewards: Numbers, i: number): number =>
  (sum(rewards) - rewards[i]!) / (rewards.length - 1);
const unbiasedStd = (xs: Numbers): number =>
  Math.sqrt(sum(xs.map((x) => (x - meanOf(xs)) ** 2)) / (xs.length - 1));

const definitions: Record<string, Definition> = {
  reinforce: {
    algorithm: () => reinforce({ groupSize: 4, entropyCoef: 0.1 }),
    advantages: (all) => all.map((c) => c.reward - meanOf(all.map((d) => d.reward))),
    loss: (batch) =>
      meanOf(batch.map(({ now, a, entropy }) => sum(now.map((lp) => -a * lp - 0.1 * entropy)))),
  },
  rloo: {
    algorithm: (epochs, minibatchSize) =>
      rloo({ groupSize: 4, epochs, minibatchSize, klCoef: 0.2, clipRange: 0.1 }),
    advantages: (_, group) => group(0).map((r, i) => r - others(group(0), i)),
    loss: (batch) =>
      meanOf(
        batch.map(({ now, old, a }) => clip(Math.exp(sum(now) - sum(old)), a, 0.1)), //
      ),
  },
  'grpo, mean over tokens': {
    algorithm: (epochs, minibatchSize) =>
      grpo({ groupSize: 4, epochs, minibatchSize, klCoef: 0.3, clipRange: 0.05 }),
    advantages: (_, group) =>
      group(0).map((r) => (r - meanOf(group(0))) / (unbiasedStd(group(0)) + 1e-4)),
    loss: (batch) =>
      meanOf(
        batch.flatMap(({ now, old, ref, a }) =>
          now.map(
            (lp, t) =>
              clip(Math.exp(lp - old[t]!), a, 0.05) +
              0.3 * (Math.exp(ref[t]! - lp) - 1 - (ref[t]! - lp)),
          ),
        ),
      ),
  },
  'grpo, mean over sequences': {
    algorithm: (epochs, minibatchSize) =>
      grpo({
        ...{ groupSize: 4, epochs, minibatchSize, clipRange: 0.05, clipRangeHigh: 0.15 },
        reduce: perSequence,
        entropyCoef: 0.05,
        klCoef: 0.3,
        kl: klK2,
      }),
    advantages: (_, group) =>
      group(0).map((r) => (r - meanOf(group(0))) / (unbiasedStd(group(0)) + 1e-4)),
    loss: (batch) =>
      meanOf(
        batch.map(({ now, old, ref, a, entropy }) =>
          meanOf(
            now.map(
              (lp, t) =>
                clip(Math.exp(lp - old[t]!), a, 0.05, 0.15) +
                0.15 * (lp - ref[t]!) ** 2 -
                0.05 * entropy,
            ),
          ),
        ),
      ),
  },
  'grpo, fixed length': {
    algorithm: (epochs, minibatchSize) =>
      grpo({ groupSize: 4, epochs, minibatchSize, reduce: fixedLength(3), advantage: centre }),
    advantages: (_, group) => group(0).map((r) => r - meanOf(group(0))),
    loss: (batch) =>
      meanOf(
        batch.map(
          ({ now, old, a }) => sum(now.map((lp, t) => clip(Math.exp(lp - old[t]!), a))) / 3,
        ),
      ),
  },
  ppo: {
    // The advantages are fixed here, so that the steps can be followed without the critic.
    algorithm: (epochs, minibatchSize) => ({
      ...ppo({ groupSize: 4, epochs, minibatchSize, normalize: (a) => [...a], entropyCoef: 0.1 }),
      prepare: (rollouts) =>
        rollouts.map(({ reward, oldLogProbs }) => ({
          advantages: oldLogProbs.map(() => reward),
          returns: oldLogProbs.map(() => reward),
        })),
    }),
    advantages: (all) => all.map((c) => c.reward),
    loss: (batch) =>
      meanOf(
        batch.flatMap(({ now, old, a, entropy }) =>
          now.map((lp, t) => clip(Math.exp(lp - old[t]!), a) - 0.1 * entropy),
        ),
      ),
  },
};

const centre = (rewards: Numbers): number[] => rewards.map((r) => r - meanOf(rewards));

/** Gradient descent on the definition, differentiated numerically in double precision. */
function simulate(
  definition: Definition,
  completions: readonly ScoredCompletion[],
  advantages: Numbers,
  epochs: number,
  size: number,
): number[] {
  const old = logSoftmax(start);
  const ref = logSoftmax(reference);
  let table = [...start];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const indices of minibatches(11, 0, epoch, completions.length, size)) {
      const loss = (z: Numbers): number => {
        const now = logSoftmax(z);
        const entropy = -sum(now.map((lp) => Math.exp(lp) * lp));
        const pick = (from: Numbers, i: number): Numbers =>
          completions[i]!.tokens.map((token) => from[token]!);
        return definition.loss(
          indices.map((i) => ({
            ...{ now: pick(now, i), old: pick(old, i), ref: pick(ref, i) },
            entropy,
            a: advantages[i]!,
          })),
        );
      };
      const slope = table.map((_, v) => {
        const at = (h: number): number => loss(table.map((x, u) => (u === v ? x + h : x)));
        return (at(1e-6) - at(-1e-6)) / 2e-6;
      });
      table = table.map((x, v) => x - 0.5 * slope[v]!);
    }
  }
  return table;
}

describe.each(Object.entries(definitions))('%s', (name, definition) => {
  const cases = name === 'reinforce' ? [[1, Infinity]] : [[1, Infinity], [3, Infinity], [2, 4]]; // prettier-ignore

  it.each(cases)(
    'takes the steps of its definition: %d epochs, minibatches of %d',
    async (e, m) => {
      const { after, records } = await run(definition.algorithm(e!, m!));
      const { completions } = records[0]!;
      const groups = [completions.slice(0, 4), completions.slice(4)];
      // KL in the reward (rloo): the same penalty by its definition.
      const [old, ref] = [logSoftmax(start), logSoftmax(reference)];
      const penalty = (c: ScoredCompletion): number =>
        name === 'rloo' ? 0.2 * sum(c.tokens.map((token) => old[token]! - ref[token]!)) : 0;
      const advantages =
        name === 'reinforce' || name === 'ppo'
          ? definition.advantages(completions, () => [])
          : groups.flatMap((g) =>
              definition.advantages(g, () => g.map((c) => c.reward - penalty(c))),
            );
      completions.forEach((completion, i) => {
        expect(completion.reward).toBe(rewardOf(completion));
        completion.advantages.forEach((a) => expect(a).toBeCloseTo(advantages[i]!, 5));
      });
      const expected = simulate(definition, completions, advantages, e!, m!);
      after.forEach((x, v) => expect(x).toBeCloseTo(expected[v]!, 4));
    },
  );
});

describe('the first gradient', () => {
  it.each([
    ['reinforce', reinforce({ groupSize: 4 }), sequenceSum],
    ['rloo', rloo({ groupSize: 4 }), sequenceSum],
    ['grpo', grpo({ groupSize: 4 }), undefined],
    ['ppo', ppo({ groupSize: 4, epochs: 1 }), undefined],
  ])(
    'of %s is the policy gradient: minus the mean of A (e_y - pi)',
    async (_, algorithm, byRow) => {
      const { gradient, records } = await run(algorithm);
      const { completions, metrics } = records[0]!;
      const pi = logSoftmax(start).map(Math.exp);
      const tokens = sum(completions.map((c) => c.tokens.length));
      const expected = start.map((__, v) => {
        const terms = completions.flatMap((c) =>
          c.tokens.map((y, t) => -c.advantages[t]! * ((y === v ? 1 : 0) - pi[v]!)),
        );
        return sum(terms) / (byRow === undefined ? tokens : completions.length);
      });
      gradient.forEach((g, v) => expect(g).toBeCloseTo(expected[v]!, 4));
      if (algorithm.name === 'ppo') return; // its norm has the value head's part
      expect(metrics.gradNorm).toBeCloseTo(Math.hypot(...expected), 4);
    },
  );

  it('has ratio exactly 1 when a step is one update', async () => {
    const { records } = await run(grpo({ groupSize: 4 }), { steps: 3 });
    for (const { metrics } of records) {
      expect([metrics['ratioMean'], metrics['ratioMax'], metrics['klOld']]).toEqual([1, 1, 0]);
      expect(metrics['clipFraction']).toBe(0);
    }
  });
});

describe('ppo', () => {
  it('trains its critic on the returns', async () => {
    const { records } = await run(ppo({ groupSize: 8, valueCoef: 1, epochs: 8 }), { steps: 40 });
    const losses = records.map(({ metrics }) => metrics['valueLoss']!);
    expect(meanOf(losses.slice(-5))).toBeLessThan(0.7 * losses[0]!);
  });

  it('pays the penalties token by token and the reward on the last', () => {
    const algorithm = ppo({ klCoef: 0.5, gaeLambda: 0, normalize: (a) => [...a] });
    const rollout = { reward: 3, oldLogProbs: [-1, -2], refLogProbs: [-2, -1], values: [10, 20] };
    const target = algorithm.prepare([rollout])[0]!;
    expect(target.advantages).toEqual([-0.5 + 20 - 10, 0.5 + 3 + 0 - 20]);
    expect(target.returns).toEqual([-0.5 + 20, 3.5]);
  });

  it('normalises over all tokens, and keeps the returns as they are', () => {
    const rollouts = [
      { reward: 1, oldLogProbs: [-1, -1], values: [0, 0] },
      { reward: 4, oldLogProbs: [-1], values: [0] },
    ];
    const targets = ppo({ gaeLambda: 1 }).prepare(rollouts);
    const std = Math.sqrt(3); // of 1, 1, 4 with n - 1
    expect(targets[0]!.advantages[1]).toBeCloseTo(-1 / std);
    expect(targets[1]!.advantages[0]).toBeCloseTo(2 / std);
    expect(targets.map(({ returns }) => returns)).toEqual([[1, 1], [4]]);
  });

  it('says that it needs values', () => {
    expect(() => ppo().prepare([{ reward: 1, oldLogProbs: [-1] }])).toThrow(
      'ppo: rollout has no values, expected some',
    );
  });
});

/** A loss of two completions with everything that any algorithm reads. */
function lossInput(extra: Params): LossInput {
  const x = (rows: number[][]): tf.Tensor2D => tf.tensor2d(rows);
  return {
    mask: tf.cast(x([[1, 1, 0], [1, 1, 1]]), 'bool'), // prettier-ignore
    oldLogProbs: x([[-1, -2, 0], [-0.5, -1, -2]]), // prettier-ignore
    refLogProbs: x([[-1.2, -1.5, 0], [-1, -1, -1.5]]), // prettier-ignore
    advantages: x([[1, 1, 0], [-2, -2, -2]]), // prettier-ignore
    oldValues: x([[0, 0.5, 0], [1, 1, 1]]), // prettier-ignore
    returns: x([[1, 1, 0], [0, 0, 0]]), // prettier-ignore
    ...extra,
  } as unknown as LossInput;
}

describe.each<[string, Algorithm]>([
  ['reinforce', reinforce({ entropyCoef: 0.1 })],
  ['rloo', rloo({ entropyCoef: 0.1, clipRange: 0.5 })],
  ['grpo', grpo({ entropyCoef: 0.1, klCoef: 0.2 })],
  ['grpo with k1', grpo({ klCoef: 0.2, kl: klK1 })],
  ['ppo', ppo({ entropyCoef: 0.1, valueLoss: clippedSquaredError(0.3) })],
])('the loss of %s', (_, algorithm) => {
  const rows = {
    logProbs: [-1.1, -1.9, 0, -0.7, -1, -1.7],
    entropy: [1, 0.9, 0, 0.5, 0.6, 0.7],
    values: [0.2, 0.7, 0, 1.1, 0.8, 0.9],
  };
  const loss = (params: Params): tf.Tensor => algorithm.loss(lossInput(params)).loss;

  it('has the gradient that central differences find', () => {
    tf.tidy(() => {
      const params = Object.fromEntries(
        Object.entries(rows).map(([name, numbers]) => [name, tf.tensor2d(numbers, [2, 3])]),
      );
      const { grads } = valueAndGrad(loss)(params);
      for (const [name, numbers] of Object.entries(rows)) {
        const gradient = grads[name]!.dataSync();
        numbers.forEach((__, i) => {
          const at = (h: number): number => {
            const moved = numbers.map((x, j) => (i === j ? x + h : x));
            return loss(mergeParams(params, { [name]: tf.tensor2d(moved, [2, 3]) })).dataSync()[0]!;
          };
          // float32: h = 1e-2 leaves about 1e-5 of rounding and 1e-4 of curvature
          expect(gradient[i]).toBeCloseTo((at(1e-2) - at(-1e-2)) / 2e-2, 3);
        });
      }
    });
  });

  it('leaves nothing behind but what it returns', () => {
    const { mask, ...fixed } = tf.tidy(() => {
      const params = Object.fromEntries(
        Object.entries(rows).map(([name, numbers]) => [name, tf.tensor2d(numbers, [2, 3])]),
      );
      return lossInput(params) as unknown as Record<string, tf.Tensor>;
    });
    const result = algorithm.loss({ mask, ...fixed } as unknown as LossInput);
    tf.dispose([mask!, fixed, result.loss, { ...result.metrics }]);
  });
});

describe('options', () => {
  it('are recorded as plain data with the values in use', () => {
    expect(grpo({ groupSize: 5, kl: klK3, advantage: groupNormalize }).options).toEqual({
      ...{ groupSize: 5, epochs: 1, minibatchSize: 'Infinity', clipRange: 0.2, clipRangeHigh: 0.2 },
      ...{ advantage: 'groupNormalize', reduce: 'perToken', klCoef: 0, kl: 'klK3', entropyCoef: 0 },
    });
    expect(rloo({ clipRange: 0.1 }).options).toEqual({
      ...{ groupSize: 4, epochs: 1, minibatchSize: 'Infinity', klCoef: 0, entropyCoef: 0 },
      ...{ clipRange: 0.1, clipRangeHigh: 0.1 },
    });
    expect(ppo().options).toEqual({
      ...{ groupSize: 1, epochs: 4, minibatchSize: 'Infinity', klCoef: 0, entropyCoef: 0 },
      ...{ clipRange: 0.2, clipRangeHigh: 0.2, gamma: 1, gaeLambda: 0.95 },
      ...{ normalize: 'whiten', valueLoss: 'squaredError', valueCoef: 0.5 },
    });
    expect(JSON.parse(JSON.stringify(ppo().options))).toEqual(ppo().options);
  });

  it.each([
    [() => rloo({ groupSize: 1 }), 'rloo: groupSize is 1, expected at least 2'],
    [() => grpo({ groupSize: 1 }), 'grpo: groupSize is 1, expected at least 2'],
    [() => grpo({ groupSize: 2.5 }), 'grpo: groupSize is 2.5, expected a positive integer'],
    [() => ppo({ epochs: 0 }), 'ppo: epochs is 0, expected a positive integer'],
    [() => ppo({ minibatchSize: -1 }), 'ppo: minibatchSize is -1, expected a positive integer'],
    [() => ppo({ gamma: 2 }), 'ppo: gamma is 2, expected a number in [0, 1]'],
    [() => ppo({ valueCoef: Infinity }), 'ppo: valueCoef is Infinity'],
    [() => grpo({ klCoef: -1 }), 'grpo: klCoef is -1'],
    [() => reinforce({ entropyCoef: NaN }), 'reinforce: entropyCoef is NaN'],
    [() => grpo({ clipRange: 2 }), 'grpo: clipRange is 2, expected a number in [0, 1]'],
    [
      () => grpo({ beta: 0.1 } as object),
      'grpo: options has "beta", expected only name, groupSize',
    ],
    [() => reinforce({ epochs: 2 } as object), 'reinforce: options has "epochs"'],
    [() => rloo({ advantage: centre } as object), 'rloo: options has "advantage"'],
    [() => ppo({ lam: 1 } as object), 'ppo: options has "lam"'],
  ])('outside of their range or unknown are refused: %#', (make, message) => {
    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
  });
});

describe('the two-armed bandit', () => {
  it.each([
    ['reinforce', reinforce({ groupSize: 8 })],
    ['rloo', rloo({ groupSize: 8 })],
    ['rloo, three epochs', rloo({ groupSize: 8, epochs: 3, minibatchSize: 4 })],
    ['ppo', ppo({ groupSize: 8 })],
    ['grpo', grpo({ groupSize: 8 })],
    ['grpo, two epochs, minibatches', grpo({ groupSize: 8, epochs: 2, minibatchSize: 4 })],
  ])('is solved by %s', async (_, algorithm) => {
    const params = { table: tf.tensor1d([0.5, -0.5]) }; // begins with the wrong arm
    let last: StepRecord | undefined;
    for await (const record of train({
      policy: tablePolicy(2, 1),
      params,
      algorithm,
      prompts: ['a'],
      reward: ({ tokens }) => (tokens[0] === 1 ? 1 : 0),
      optimizer: sgd({ learningRate: 0.3 }),
      steps: 60,
      seed: 5,
      promptsPerStep: 1,
    })) {
      last = record;
    }
    const pi = logSoftmax(Array.from(await last!.state.params['table']!.data())).map(Math.exp);
    expect(pi[1]).toBeGreaterThan(0.9);
    disposeState(last!.state);
    disposeParams(params);
  });
});
