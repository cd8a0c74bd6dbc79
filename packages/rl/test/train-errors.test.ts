import { type Params, adamw, disposeParams, sgd } from '@cfrl/engine';
import {
  type Completion,
  type StepRecord,
  type TrainOptions,
  disposeState,
  grpo,
  ppo,
  rloo,
  train,
} from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { prefixParams, prefixPolicy } from './policies.js';

const vocabulary = 6;
let params: Params = {};
beforeAll(() => {
  params = prefixParams(vocabulary);
});
afterAll(() => disposeParams(params));

type Options = TrainOptions<string>;
const options = (more: Partial<Options> = {}): Options => ({
  policy: prefixPolicy(vocabulary),
  params,
  algorithm: grpo({ groupSize: 2 }),
  prompts: ['a', 'bc', 'd'],
  reward: ({ tokens }) => tokens.length,
  optimizer: sgd({ learningRate: 0.1 }),
  steps: 3,
  seed: 7,
  promptsPerStep: 2,
  ...more,
});

describe('train refuses at once', () => {
  it.each<[string, Partial<Options>]>([
    ['train: prompts has 0 entries, expected at least promptsPerStep, 2', { prompts: [] }],
    ['train: prompts has 3 entries, expected at least promptsPerStep, 4', { promptsPerStep: 4 }],
    ['train: promptsPerStep is 0, expected a positive integer', { promptsPerStep: 0 }],
    ['train: steps is 1.5, expected a positive integer', { steps: 1.5 }],
    ['train: seed is -1, expected an integer', { seed: -1 }],
    ['train: options has "lr", expected only policy', { lr: 1 } as object],
    ['train: trainable selects nothing, expected some of embed.weight', { trainable: () => false }],
    [
      'train: refParams is undefined, expected parameters; rloo has a KL weight above 0',
      { algorithm: rloo({ klCoef: 0.1 }) },
    ],
    [
      'train: algorithm.minibatchSize is 3, expected a divisor of 4',
      { algorithm: grpo({ groupSize: 2, minibatchSize: 3 }) },
    ],
    ['train: from.step is -1, expected', { from: { step: -1, params: {}, optState: {} } }],
  ])('%s', (message, more) => {
    expect(() => train(options(more))).toThrow(RangeError);
    expect(() => train(options(more))).toThrow(message);
  });

  it('prompts that are neither text nor have one', () => {
    const prompts = ['a', { text: 'b' }] as unknown as string[];
    expect(() => train(options({ prompts }))).toThrow(TypeError);
    expect(() => train(options({ prompts }))).toThrow('train: prompts[1] is an object with text');
  });

  it('a state of another optimiser, of other trainable parameters, or of other shapes', () => {
    const optState = sgd({ learningRate: 1 }).init(params);
    const momentum = sgd({ learningRate: 1, momentum: 0.9 });
    const wrong = { 'embed.weight': tf.zeros([1, 2]), other: tf.scalar(1) };
    const from = (more: object): Partial<Options> => ({
      from: { step: 1, params: {}, optState, ...more },
    });
    expect(() => train(options({ ...from({}), optimizer: momentum }))).toThrow(
      'train: from.optState lacks momentum/embed.weight, momentum/lm_head.weight, expected',
    );
    const all = momentum.init(params);
    const headOnly = { optimizer: momentum, trainable: (name: string) => name.startsWith('lm') };
    expect(() => train(options({ ...from({ optState: all }), ...headOnly }))).toThrow(
      'train: from.optState has momentum/embed.weight [6, 3], expected only step, momentum/lm_head',
    );
    const { other, ...shape } = wrong;
    expect(() => train(options(from({ params: shape })))).toThrow(
      'train: from.params has embed.weight [1, 2], expected [6, 3]',
    );
    expect(() => train(options(from({ params: { other } })))).toThrow(
      'train: from.params has other [], expected only embed.weight, lm_head.weight',
    );
    [optState, all, wrong].forEach(disposeParams);
  });
});

/** Runs until something is thrown; what was yielded before must still be whole. */
async function failure(more: Partial<Options>): Promise<{ error: Error; records: StepRecord[] }> {
  const records: StepRecord[] = [];
  const numbers = Object.values(params).map((t) => t.dataSync().join());
  try {
    for await (const record of train(options(more))) records.push(record);
  } catch (error) {
    const last = records.at(-1)?.state;
    if (last) {
      Object.values(last.params).forEach((t) =>
        expect(t.dataSync().some(Number.isNaN)).toBe(false),
      );
      disposeState(last, params);
    }
    expect(Object.values(params).map((t) => t.dataSync().join())).toEqual(numbers);
    return { error: error as Error, records };
  }
  throw new Error('nothing was thrown');
}

/** A reward that goes wrong at one completion of step 1, for good. */
const failingAt = (wrong: () => number) => {
  let asked = 0;
  return (): number => (asked++ < 5 ? asked % 2 : wrong());
};

describe('a reward', () => {
  it.each([NaN, Infinity, undefined as unknown as number, '1' as unknown as number])(
    'of %s is an error that says where, and the last state is whole',
    async (wrong) => {
      const { error, records } = await failure({ reward: failingAt(() => wrong) });
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(
        /^train: reward at step 1, prompt \d "\w+", completion 1 "[a-z.]+" is .*, expected a finite number; /,
      );
      expect(records).toHaveLength(1);
    },
  );

  it('that throws is an error that says where, with its cause, and never a 0', async () => {
    const cause = new Error('the grader is down');
    const reward = failingAt(() => {
      throw cause;
    });
    const { error } = await failure({ reward, algorithm: ppo({ groupSize: 2 }) });
    expect(error.message).toMatch(
      /^train: reward threw at step 1, prompt \d .*: the grader is down/,
    );
    expect(error.cause).toBe(cause);
  });

  it('that rejects is the same', async () => {
    const reward = async (): Promise<number> => Promise.reject(new Error('no answer'));
    const { error, records } = await failure({ reward });
    expect(error.message).toContain('train: reward threw at step 0');
    expect(records).toEqual([]);
  });
});

describe('numbers that are not finite', () => {
  it('in the loss are an error with step and seed', async () => {
    const wrong = grpo({ groupSize: 2 });
    let calls = 0;
    const algorithm = {
      ...wrong,
      loss: (input: Parameters<typeof wrong.loss>[0]) => {
        const result = wrong.loss(input);
        if (calls++ < 1) return result;
        return { ...result, loss: tf.tidy(() => tf.mul(result.loss, NaN) as tf.Scalar) };
      },
    };
    const { error, records } = await failure({ algorithm, compile: false });
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe(
      'train: loss is NaN at step 1, epoch 0, minibatch 0 (seed 7), expected a finite number; ' +
        'the parameters are as they were before the step',
    );
    expect(records).toHaveLength(1);
  });

  it('in the gradient are an error, also in a later epoch, and the updates before it are freed', async () => {
    const { error } = await failure({
      algorithm: rloo({ groupSize: 2, epochs: 3 }),
      optimizer: sgd({ learningRate: 1e30 }),
    });
    expect(error.message).toMatch(/^train: \w+ is .* at step 0, epoch 1, minibatch 0 \(seed 7\)/);
  });

  it('in the advantages are an error', async () => {
    const algorithm = grpo({ groupSize: 2, advantage: (rewards) => rewards.map(() => NaN) });
    const { error } = await failure({ algorithm });
    expect(error.message).toContain('train: algorithm.prepare gave completion 0');
    expect(error.message).toContain('among them or the returns NaN');
  });
});

describe("a policy's answer", () => {
  const policy = prefixPolicy(vocabulary);
  const answering = (change: (completions: readonly Completion[]) => readonly Completion[]) => ({
    policy: {
      ...policy,
      sample: async (...args: Parameters<typeof policy.sample>) =>
        change(await policy.sample(...args)),
    },
  });
  const each = (change: object) => answering((all) => all.map((c) => ({ ...c, ...change })));

  it.each<[string, Partial<Options>]>([
    ['policy.sample returned 3 completions, expected 4', answering((all) => all.slice(1))],
    ["completion 0 has 0 prompt tokens", each({ promptTokens: [] })], // prettier-ignore
    [
      '0 tokens and 0 logProbs, expected at least 1 token of each',
      each({ tokens: [], logProbs: [] }),
    ],
    ['and 0 logProbs, expected', each({ logProbs: [] })],
    ['has the token 1.5, expected an integer >= 0', each({ tokens: [1.5], logProbs: [-1] })],
    ['logProbs[0] is -Infinity, expected a finite', each({ tokens: [1], logProbs: [-Infinity] })],
    [
      'train: completion token is 6, expected less than 6, the last dimension of policy.forward',
      each({ tokens: [1, 6], logProbs: [-1, -1] }),
    ],
  ])('is refused: %s', async (message, more) => {
    const { error } = await failure(more);
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toContain(message);
    const again = await failure({ ...more, algorithm: ppo({ groupSize: 2 }) });
    expect(again.error.message).toContain(message);
  });

  it('that is an exception goes through', async () => {
    const down = { ...policy, sample: () => Promise.reject(new Error('sampler down')) };
    const { error } = await failure({ policy: down, optimizer: adamw({ learningRate: 1 }) });
    expect(error.message).toBe('sampler down');
  });
});
