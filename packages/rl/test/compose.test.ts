import {
  type LossInput,
  groupTargets,
  klK2,
  klPenalties,
  meanBaseline,
  penalizedReward,
  regularize,
} from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

const rollout = (reward: number, length: number) => ({
  reward,
  oldLogProbs: new Array<number>(length).fill(-1),
  refLogProbs: new Array<number>(length).fill(-3),
});

describe('groupTargets', () => {
  it('compares the completions of a group with one another, not with the next group', () => {
    const rollouts = [rollout(1, 2), rollout(0, 1), rollout(10, 1), rollout(20, 3)];
    expect(groupTargets(rollouts, 2, meanBaseline).map((t) => t.advantages)).toEqual([
      [0.5, 0.5],
      [-0.5],
      [-5],
      [5, 5, 5],
    ]);
  });

  it('takes the KL penalty off the reward before it compares', () => {
    const targets = groupTargets([rollout(1, 1), rollout(1, 3)], 2, meanBaseline, 0.1);
    expect(targets[0]!.advantages[0]).toBeCloseTo(0.2); // 0.8 and 0.4
  });

  it('refuses an incomplete group', () => {
    expect(() => groupTargets([rollout(1, 1)], 2, meanBaseline)).toThrow(
      'groupTargets: rollouts has 1 entries, expected a multiple of the group size 2',
    );
  });
});

describe('klPenalties', () => {
  it('is the weighted log-ratio of each token, and sums up to the penalty of the reward', () => {
    const r = { reward: 1, oldLogProbs: [-1, -2], refLogProbs: [-3, -1] };
    expect(klPenalties(r, 0.5)).toEqual([-1, 0.5]);
    expect(penalizedReward(r, 0.5)).toBe(0.5);
    expect(penalizedReward(r, 0)).toBe(1);
  });

  it('needs a reference only when it counts', () => {
    const r = { reward: 1, oldLogProbs: [-1] };
    expect(klPenalties(r, 0)).toEqual([0]);
    expect(() => klPenalties(r, 0.1)).toThrow('rollout has no refLogProbs, expected some');
  });
});

describe('regularize', () => {
  it('adds the divergence and takes off the entropy, each with its weight', () => {
    tf.tidy(() => {
      const input = {
        logProbs: tf.tensor2d([[-1]]),
        refLogProbs: tf.tensor2d([[-3]]),
        entropy: tf.tensor2d([[0.5]]),
      } as unknown as LossInput;
      const options = { klCoef: 0.1, kl: klK2, entropyCoef: 2 };
      const result = regularize(tf.tensor2d([[7]]), input, options).dataSync()[0];
      expect(result).toBeCloseTo(7 + 0.1 * 2 - 2 * 0.5);
    });
  });

  it('returns a tensor of its own when both weights are 0', () => {
    const losses = tf.tensor2d([[7]]);
    const result = regularize(losses, {} as LossInput);
    losses.dispose();
    expect(Array.from(result.dataSync())).toEqual([7]);
    result.dispose();
  });
});
