import { type Params, adamw, sgd } from '@cfrl/engine';
import * as rl from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { prefixParams, prefixPolicy } from './policies.js';

let params: Params = {};
const dead: Record<string, tf.Tensor> = {};
beforeAll(() => {
  params = prefixParams(6);
  Object.assign(dead, params, { other: tf.scalar(1) });
  dead['other']!.dispose();
});
afterAll(() => tf.dispose({ ...params }));

const train = (more: object) => () =>
  rl.train({
    policy: prefixPolicy(6),
    params,
    algorithm: rl.grpo({ groupSize: 2 }),
    prompts: ['a', 'b'],
    reward: () => 1,
    optimizer: sgd({ learningRate: 0.1 }),
    ...{ steps: 1, seed: 1, promptsPerStep: 1 },
    ...more,
  });
const wrong = (value: unknown): never => value as never;
const { grpo, ppo, rloo, reinforce } = rl;

describe('wrong input has one clear error', () => {
  it.each<[string, () => unknown]>([
    ['train: options is undefined, expected an object', () => rl.train(wrong(undefined))],
    ['train: prompts is "text", expected an array of prompts', train({ prompts: 'text' })],
    ['train: prompts is undefined, expected an array', train({ prompts: undefined })],
    ['train: prompts[1] is 3, expected a text, tokens', train({ prompts: ['a', 3] })],
    ['train: prompts[0] is null, expected a text', train({ prompts: [null] })],
    ['train: prompts[0] is undefined, expected a text', train({ prompts: [undefined] })],
    ['train: prompts[0] is an object with text, expected', train({ prompts: [{ text: 'a' }] })],
    ['train: trainable is an array, expected a function; write (name) =>', train({ trainable: ['a'] })], // prettier-ignore
    ['train: trainable is "lm_head.weight", expected a function', train({ trainable: 'lm_head.weight' })], // prettier-ignore
    ['train: algorithm is the function grpo, expected an algorithm; call one', train({ algorithm: grpo })], // prettier-ignore
    ['train: algorithm is "grpo", expected an algorithm', train({ algorithm: 'grpo' })],
    ['train: algorithm.name is undefined, expected a string', train({ algorithm: {} })],
    ['train: algorithm.groupSize is 0, expected a positive', train({ algorithm: { ...grpo(), groupSize: 0 } })], // prettier-ignore
    ['train: algorithm.epochs is 0.5, expected a positive', train({ algorithm: { ...grpo(), epochs: 0.5 } })], // prettier-ignore
    ['train: algorithm.minibatchSize is NaN', train({ algorithm: { ...grpo(), minibatchSize: NaN } })], // prettier-ignore
    ['train: algorithm.maxRounds is 0', train({ algorithm: { ...grpo(), maxRounds: 0 } })],
    ['train: optimizer is the function adamw, expected an optimizer; call one', train({ optimizer: adamw })], // prettier-ignore
    ['train: optimizer is undefined, expected an optimizer', train({ optimizer: undefined })],
    ['train: optimizer.init is undefined', train({ optimizer: { update: () => 1 } })],
    ['train: policy is undefined, expected a policy', train({ policy: undefined })],
    ['train: policy.sample is undefined, expected a function', train({ policy: {} })],
    ['train: policy.padToken is undefined, expected a number', train({ policy: { ...prefixPolicy(6), padToken: undefined } })], // prettier-ignore
    ['train: params is undefined, expected parameters', train({ params: undefined })],
    ['train: params is an array, expected parameters', train({ params: [] })],
    ['train: params has no tensors', train({ params: {} })],
    ['train: params["table"] is an array, expected a tensor', train({ params: { table: [1] } })],
    ['train: params["other"] is a tensor that has been disposed', train({ params: dead })],
    ['train: refParams["other"] is a tensor that has been disposed', train({ refParams: dead })],
    ['train: refParams is true, expected parameters', train({ refParams: true })],
    ['train: refParams has no tensors, expected the parameters of the reference', train({ refParams: {} })], // prettier-ignore
    ['train: reward is 1, expected a function of a completion', train({ reward: 1 })],
    ['train: reward is an object with reward, expected', train({ reward: { reward: () => 1 } })],
    ['train: rewardConcurrency is 0, expected a positive', train({ rewardConcurrency: 0 })],
    ['train: rewardConcurrency is 2, expected none', train({ rewardConcurrency: 2, reward: { batch: () => [] } })], // prettier-ignore
    ['train: rewardTimeout is 0, expected milliseconds', train({ rewardTimeout: 0 })],
    ['train: rewardTimeout is Infinity, expected milliseconds', train({ rewardTimeout: Infinity })],
    ['train: rewardTimeout is "1s", expected milliseconds', train({ rewardTimeout: '1s' })],
    ['train: keepUpdate is 1, expected true or false', train({ keepUpdate: 1 })],
    ['train: signal is an object with', train({ signal: { aborted: false } })],
    ['train: compile is webgl, expected', train({ compile: 'webgl' })],
    ['train: microBatchSize is 0, expected', train({ microBatchSize: 0 })],
    ['train: seed is "1", expected', train({ seed: '1' })],
    ['train: steps is "10", expected a positive integer', train({ steps: '10' })],
    ['train: from is null, expected a state', train({ from: null })],
    ['train: from.optState is undefined, expected', train({ from: { step: 1, params: {} } })],
    ['train: from.params["other"] is a tensor that has been disposed', train({ from: { step: 1, params: dead, optState: {} } })], // prettier-ignore
    ['grpo: options is 8, expected an object', () => grpo(wrong(8))],
    ['grpo: advantage is "mean", expected a function', () => grpo({ advantage: wrong('mean') })],
    ['grpo: reduce is "perToken", expected a function', () => grpo({ reduce: wrong('perToken') })],
    ['grpo: kl is "k3", expected a function', () => grpo({ kl: wrong('k3') })],
    ['grpo: name is "", expected a text', () => grpo({ name: '' })],
    ['rloo: name is 3, expected a text', () => rloo({ name: wrong(3) })],
    ['ppo: normalize is true, expected a function', () => ppo({ normalize: wrong(true) })],
    ['ppo: valueLoss is 1, expected a function', () => ppo({ valueLoss: wrong(1) })],
    ['reinforce: advantage is null, expected a function', () => reinforce({ advantage: wrong(null) })], // prettier-ignore
    ['reinforce: reduce is an array, expected a function', () => reinforce({ reduce: wrong([]) })],
    ['layoutOf: sequences is string, expected a list', () => rl.layoutOf(wrong('a'))],
    ['klK3: refLogProbs is 1, expected a tensor', () => rl.klK3(wrong(1), wrong(1))],
    ['perToken: losses is an array, expected a tensor', () => rl.perToken(wrong([1]), wrong([1]))],
    ['clippedSurrogate: advantages is undefined, expected a tensor', () => rl.clippedSurrogate(wrong(undefined), wrong(undefined), {})], // prettier-ignore
    ['whiten: advantages is "12", expected an array of numbers', () => rl.whiten(wrong('12'))],
    ['meanBaseline: rewards is undefined, expected an array', () => rl.meanBaseline(wrong(undefined))], // prettier-ignore
    ['leaveOneOut: rewards[1] is "2", expected a finite', () => rl.leaveOneOut(wrong([1, '2']))],
    ['groupNormalize: rewards[1] is undefined', () => rl.groupNormalize(wrong([1, ,]))],
    ['gae: rewards is 1, expected an array of numbers', () => rl.gae(wrong(1), [1, 0])],
    ['gae: values is undefined, expected an array', () => rl.gae([1], wrong(undefined))],
    ['explainedVariance: values is 1, expected an array', () => rl.explainedVariance(wrong(1), [1])], // prettier-ignore
    ['scoringGap: sampled[0] is -1, expected an array of numbers', () => rl.scoringGap(wrong([-1]), [[-1]])], // prettier-ignore
    ['groupTargets: rollouts is null, expected an array', () => rl.groupTargets(wrong(null), 2, rl.whiten)], // prettier-ignore
    ['groupTargets: advantage is "mean", expected a function', () => rl.groupTargets([], 2, wrong('mean'))], // prettier-ignore
    ['minibatches: minibatchSize is 0, expected', () => rl.minibatches(1, 0, 0, 4, 0)],
    ['fixedLength: maxTokens is undefined', () => rl.fixedLength(wrong(undefined))],
    ['penalizedReward: reward is undefined', () => rl.penalizedReward(wrong({}), 0)],
    ['disposeState: state is undefined, expected a state', () => rl.disposeState(wrong(undefined))],
  ])('%s', (message, call) => {
    expect(call).toThrow(message);
  });

  it('asks the policy about all prompts once, in their order, before anything is sampled', () => {
    const asked: unknown[] = [];
    const policy = {
      ...prefixPolicy(6),
      checkPrompts: (prompts: readonly unknown[]) => {
        asked.push(prompts);
        throw new RangeError('train: prompts[1] is empty');
      },
    };
    const prompts = [{ prompt: 'a' }, ''];
    expect(train({ policy, prompts })).toThrow('train: prompts[1] is empty');
    expect(asked).toEqual([['a', '']]);
  });
});

it('train refuses a reference of other shapes before it samples', () => {
  const other = tf.zeros([3]);
  const refuses = train({ refParams: { 'lm_head.weight': other } });
  expect(refuses).toThrow('train: refParams["lm_head.weight"] has shape [3], expected [6,');
  other.dispose();
});
