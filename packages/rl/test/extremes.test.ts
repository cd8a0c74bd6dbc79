import * as rl from '@cfrl/rl';
import { everyNumber, isRefusal, variations } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const matrix = (values: number[][]): tf.Tensor2D => tf.tensor2d(values);
const rollout = { reward: 1, oldLogProbs: [-1, -2], refLogProbs: [-1.5, -1], values: [0.5, 1] };
const sequences = [
  { promptTokens: [1, 2], tokens: [3] },
  { promptTokens: [1], tokens: [3, 4] },
];

/** One call of each function of numbers and tensors; what is not here takes a model and a whole run. */
function callsNow(): Readonly<Record<string, readonly unknown[]>> {
  const x = matrix([
    [-1, -2],
    [-0.5, -3],
  ]);
  const y = matrix([
    [-1.5, -1],
    [-0.5, -2],
  ]);
  const mask = matrix([
    [1, 1],
    [1, 0],
  ]);
  const layout = rl.layoutOf(sequences);
  return {
    clippedSurrogate: [x, y, { clipRange: 0.2, clipRangeHigh: 0.3 }],
    completionSeed: [1, 2, 3, 4],
    explainedVariance: [
      [1, 2, 3],
      [1, 2, 4],
    ],
    gae: [[1, 0], [0.5, 1, 0], { gamma: 0.9, gaeLambda: 0.9 }],
    groupNormalize: [[1, 2, 4]],
    groupTargets: [[rollout, rollout], 2, rl.meanBaseline, 0.1],
    initValueHead: [4, 1],
    klK1: [x, y],
    klK2: [x, y],
    klK3: [x, y],
    klPenalties: [rollout, 0.1],
    layoutOf: [sequences],
    leaveOneOut: [[1, 2, 4]],
    meanBaseline: [[1, 2, 4]],
    minibatches: [1, 2, 3, 8, 4],
    padRows: [[[1], [2, 3]], layout],
    padCompletions: [sequences, 0],
    penalizedReward: [rollout, 0.1],
    perSequence: [x, mask],
    perToken: [x, mask],
    policyGradient: [x, y],
    promptsOfStep: [1, 2, 3, 4],
    ratioMetrics: [x, y, mask, { clipRange: 0.2 }],
    regularize: [
      x,
      { logProbs: x, refLogProbs: y, entropy: mask },
      { klCoef: 0.1, entropyCoef: 0.1 },
    ],
    scoringGap: [[[-1, -2]], [[-1, -2.5]]],
    sequenceLogRatio: [x, mask],
    sequenceSum: [x, mask],
    squaredError: [x, x, y],
    unpadRows: [[0, 1, 2, 3], layout],
    valueHead: [
      { 'value_head.weight': tf.ones([1, 2]), 'value_head.bias': tf.zeros([1]) },
      tf.ones([1, 3, 2]),
    ],
    whiten: [[1, 2, 4]],
  };
}

const hasNaN = (value: unknown): boolean => !everyNumber(value, (x) => !Number.isNaN(x));

function extremesFor(value: unknown): readonly unknown[] {
  if (typeof value === 'number') return [NaN, Infinity, -Infinity, -1, 0, 0.5, 1e308, 2 ** 53];
  if (value instanceof tf.Tensor) {
    // Each would be broadcast, or read past its end.
    return [
      tf.scalar(1),
      tf.ones([2]),
      tf.ones([2, 1]),
      tf.ones([1, 2]),
      tf.ones([2, 2, 2]),
      tf.ones([0, 2]),
    ];
  }
  if (Array.isArray(value)) {
    const first: unknown = value[0];
    return [[], [first], [...value, first]];
  }
  return [];
}

const called = (name: string, given: readonly unknown[]): unknown =>
  (rl[name as keyof typeof rl] as (...given: unknown[]) => unknown)(...given);

/** Not read: what is in this place goes with another loss of the same type. */
const unread = ['squaredError 1'];

/** Carries numbers from lists to tensors and back, whatever they are. */
const carriers = ['padRows', 'unpadRows'];

const makersAndRuns = [
  'clippedSquaredError',
  'disposeState',
  'fixedLength',
  'grpo',
  'initState',
  'ppo',
  'reinforce',
  'rloo',
  'train',
];

describe('extremes', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('are tried on every function of numbers and tensors', () => {
    expect([...Object.keys(callsNow()), ...makersAndRuns].sort()).toEqual(Object.keys(rl).sort());
  });

  it.each(Object.keys(rl).filter((name) => !makersAndRuns.includes(name)))(
    'give a value or the one error: %s',
    (name) => {
      const given = callsNow()[name]!;
      expect(hasNaN(called(name, given))).toBe(false);
      const wrong: string[] = [];
      for (const { at, value, extreme, changed } of variations(given, extremesFor)) {
        if (unread.includes(`${name} ${at}`)) continue;
        const said = (what: string): number => wrong.push(`${at} = ${String(extreme)}: ${what}`);
        const before = tf.memory().numTensors;
        try {
          if (hasNaN(called(name, changed)) && !carriers.includes(name)) said('NaN');
          else if (value instanceof tf.Tensor && value.rank === 2 && name !== 'valueHead') {
            said('broadcast');
          }
        } catch (error) {
          // A function may be refused by one that it is made of.
          if (!isRefusal(error, Object.keys(rl))) said(String(error));
          if (tf.memory().numTensors !== before) said('leaves tensors');
        }
      }
      expect(wrong).toEqual([]);
    },
  );
});
