import { type Params, sgd } from '@cfrl/engine';
import { disposeState, grpo, padCompletions, ppo, reinforce, rloo, train } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { tablePolicy } from './policies.js';

describe('a KL weight, however small', () => {
  it.each([
    ['reinforce', reinforce],
    ['rloo', rloo],
    ['ppo', ppo],
    ['grpo', grpo],
  ] as const)('of %s needs a reference, and none does not', (_, make) => {
    expect(make({ klCoef: 1e-6 }).needsReference).toBe(true);
    expect(make({ klCoef: 0 }).needsReference).toBe(false);
  });
});

describe('a state to go on from', () => {
  it('may be the one before the first step', async () => {
    const params: Params = { table: tf.tensor1d([0.8, -0.3, 0.5, 0.1]) };
    const optimizer = sgd({ learningRate: 1e-6 });
    const optState = optimizer.init({});
    const run = train({
      ...{ policy: tablePolicy(4, 3), params, algorithm: rloo({ groupSize: 2 }), optimizer },
      ...{
        prompts: ['a'],
        reward: ({ tokens }) => tokens[0]!,
        steps: 1,
        seed: 5,
        promptsPerStep: 1,
      },
      from: { step: 0, params: {}, optState },
    });
    for await (const { step, state } of run) {
      expect([step, state.step]).toEqual([0, 1]);
      disposeState(state, params);
    }
    tf.dispose([params['table']!]);
    tf.dispose(Object.values(optState));
  });
});

describe('padCompletions', () => {
  it.each([
    ['promptTokens', { promptTokens: [1, 0.5], tokens: [1] }, 'promptTokens[1] is 0.5'],
    ['tokens', { promptTokens: [1], tokens: [-1] }, 'tokens[0] is -1'],
  ])('refuses %s that are none, by the index of the sequence', (_, sequence, message) => {
    const good = { promptTokens: [1], tokens: [1] };
    expect(() => padCompletions([good, sequence], 0)).toThrow(
      `padCompletions: sequence 1: ${message}`,
    );
  });
});
