import {
  type Params,
  checkOptions,
  checkPositiveInteger,
  checkSeed,
  disposeExcept,
  mergeParams,
  selectParams,
  showNames,
  showValue,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { contentOf, isPromptContent } from '../data/prompt-content.js';
import type { Prompt } from '../types.js';
import { trainsOf } from './start.js';
import type { TrainState } from './state.js';
import type { TrainOptions } from './train-options.js';

const known: readonly (keyof TrainOptions<Prompt>)[] = [
  'policy',
  'params',
  'algorithm',
  'prompts',
  'reward',
  'rewardConcurrency',
  'rewardTimeout',
  'optimizer',
  'steps',
  'seed',
  'promptsPerStep',
  'trainable',
  'refParams',
  'microBatchSize',
  'compile',
  'signal',
  'keepUpdate',
  'from',
];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refuse(what: string, value: unknown, expected: string): never {
  throw new TypeError(`train: ${what} is ${showValue(value)}, expected ${expected}`);
}

function checkParams(what: string, value: unknown): void {
  if (!isObject(value)) refuse(what, value, 'parameters, tensors by name');
  for (const [name, tensor] of Object.entries(value)) {
    if (!(tensor instanceof tf.Tensor)) refuse(`${what}["${name}"]`, tensor, 'a tensor');
    if (tensor.isDisposed) {
      throw new RangeError(
        `train: ${what}["${name}"] is a tensor that has been disposed, expected one that is alive; ` +
          'a record lends its state until the next step, so copy what is to outlive it',
      );
    }
  }
}

const policyFields = {
  sample: 'function',
  forward: 'function',
  padToken: 'number',
  featureSize: 'number',
};

const algorithmFields = {
  name: 'string',
  groupSize: 'number',
  epochs: 'number',
  minibatchSize: 'number',
  prepare: 'function',
  loss: 'function',
};

/** Refuses an object that lacks what is asked of it: a factory that was not called, say. */
function checkShape(
  what: string,
  value: unknown,
  fields: Readonly<Record<string, string>>,
  mend: string,
): void {
  if (!isObject(value)) refuse(what, value, mend);
  for (const [name, type] of Object.entries(fields)) {
    if (typeof value[name] !== type) refuse(`${what}.${name}`, value[name], `a ${type}; ${mend}`);
  }
}

/** Refuses options of a wrong kind: what is not typed is written by hand. */
function checkKinds<P extends Prompt>(options: TrainOptions<P>): void {
  const { policy, algorithm, optimizer, prompts, reward, trainable } = options;
  const { rewardConcurrency, rewardTimeout, signal, keepUpdate } = options;
  checkShape('policy', policy, policyFields, 'a policy: an object that samples and scores');
  checkParams('params', options.params);
  if (Object.keys(options.params).length === 0) {
    throw new RangeError('train: params has no tensors, expected the parameters of the policy');
  }
  checkShape('algorithm', algorithm, algorithmFields, 'an algorithm; call one, as in grpo()');
  checkPositiveInteger('train: algorithm.groupSize', algorithm.groupSize);
  checkPositiveInteger('train: algorithm.epochs', algorithm.epochs);
  if (algorithm.minibatchSize !== Infinity) {
    checkPositiveInteger('train: algorithm.minibatchSize', algorithm.minibatchSize);
  }
  if (algorithm.maxRounds !== undefined) {
    checkPositiveInteger('train: algorithm.maxRounds', algorithm.maxRounds);
  }
  checkShape(
    'optimizer',
    optimizer,
    { init: 'function', update: 'function' },
    'an optimizer; call one, as in adamw({ learningRate: 1e-5 })',
  );
  if (!Array.isArray(prompts)) {
    refuse('prompts', prompts, 'an array of prompts; one prompt is an array of one');
  }
  if (
    typeof reward !== 'function' &&
    !(isObject(reward) && typeof (reward as { batch?: unknown }).batch === 'function')
  ) {
    refuse('reward', reward, 'a function of a completion, or { batch }, one of all');
  }
  if (trainable !== undefined && typeof trainable !== 'function') {
    refuse('trainable', trainable, 'a function; write (name) => [...].includes(name)');
  }
  if (options.refParams !== undefined) checkReference(options.refParams, options.params);
  if (rewardConcurrency !== undefined && rewardConcurrency !== Infinity) {
    checkPositiveInteger('train: rewardConcurrency', rewardConcurrency);
    if (typeof reward !== 'function') {
      throw new RangeError(
        `train: rewardConcurrency is ${rewardConcurrency}, expected none; reward.batch is asked once`,
      );
    }
  }
  if (rewardTimeout !== undefined) checkTimeout(rewardTimeout);
  if (keepUpdate !== undefined && typeof keepUpdate !== 'boolean') {
    refuse('keepUpdate', keepUpdate, 'true or false');
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    refuse('signal', signal, 'an AbortSignal; of a controller it is controller.signal');
  }
}

/** Timers count in int32: what is longer would end at once. */
function checkTimeout(rewardTimeout: number): void {
  if (typeof rewardTimeout === 'number' && rewardTimeout > 0 && rewardTimeout < 2 ** 31) return;
  throw new RangeError(
    `train: rewardTimeout is ${showValue(rewardTimeout)}, expected milliseconds, above 0 and below 2^31; ` +
      'leave it out for no limit',
  );
}

/** Refuses options of `train` that do not fit together. */
export function checkTrainOptions<P extends Prompt>(options: TrainOptions<P>): void {
  checkOptions('train', options, known);
  checkKinds(options);
  const { params, algorithm, prompts, steps, seed, promptsPerStep, trainable, from } = options;
  checkPositiveInteger('train: steps', steps);
  checkSeed('train: seed', seed);
  if (![undefined, true, false, 'xla'].includes(options.compile)) {
    throw new RangeError(
      `train: compile is ${showValue(options.compile)}, expected true, false or 'xla'`,
    );
  }
  checkPositiveInteger('train: promptsPerStep', promptsPerStep);
  if (options.microBatchSize !== undefined) {
    checkPositiveInteger('train: microBatchSize', options.microBatchSize);
  }
  if (promptsPerStep > prompts.length) {
    throw new RangeError(
      `train: prompts has ${prompts.length} entries, expected at least promptsPerStep, ` +
        `${promptsPerStep}; a larger group size samples more from each`,
    );
  }
  prompts.forEach((prompt, i) => {
    if (!isPromptContent(prompt === null ? null : contentOf(prompt))) {
      throw new TypeError(
        `train: prompts[${i}] is ${showValue(prompt)}, expected a text, tokens, messages, or a record { prompt } with one of them`,
      );
    }
  });
  options.policy.checkPrompts?.(prompts.map(contentOf));
  const batchSize = promptsPerStep * algorithm.groupSize;
  if (algorithm.minibatchSize !== Infinity && batchSize % algorithm.minibatchSize !== 0) {
    throw new RangeError(
      `train: algorithm.minibatchSize is ${algorithm.minibatchSize}, expected a divisor of ` +
        `${batchSize} (promptsPerStep x groupSize) or Infinity`,
    );
  }
  if (algorithm.needsReference && options.refParams === undefined) {
    throw new RangeError(
      `train: refParams is undefined, expected parameters; ${algorithm.name} has a KL weight above 0`,
    );
  }
  const names = Object.keys(params);
  if (trainable && !names.some(trainable)) {
    throw new RangeError(`train: trainable selects nothing, expected some of ${showNames(names)}`);
  }
  if (from !== undefined) checkState(options, from);
}

/** Refuses a state that belongs to other parameters or to another optimiser. */
function checkState<P extends Prompt>(options: TrainOptions<P>, from: TrainState): void {
  checkShape('from', from, { step: 'number', params: 'object', optState: 'object' }, 'a state');
  checkParams('from.params', from.params);
  checkParams('from.optState', from.optState);
  if (!Number.isSafeInteger(from.step) || from.step < 0) {
    throw new RangeError(`train: from.step is ${from.step}, expected an integer >= 0`);
  }
  const own = options.algorithm.init?.(options.policy.featureSize, 0) ?? {};
  const all = mergeParams(own, options.params);
  const fresh = options.optimizer.init(selectParams(all, trainsOf(options, own)));
  try {
    for (const [what, has, expected] of [
      ['params', from.params, all],
      ['optState', from.optState, fresh],
    ] as const) {
      checkShapes(what, has, expected);
    }
    const missing = Object.keys(fresh).filter((name) => !(name in from.optState));
    if (missing.length > 0) {
      throw new RangeError(
        `train: from.optState lacks ${showNames(missing)}, expected the state of the same optimizer ` +
          'with the same trainable parameters',
      );
    }
  } finally {
    disposeExcept([fresh, own], [options.params]);
  }
}

function checkShapes(what: string, has: Params, expected: Params): void {
  for (const [name, { shape }] of Object.entries(has)) {
    const want = expected[name]?.shape;
    if (want === undefined || want.join() !== shape.join()) {
      throw new RangeError(
        `train: from.${what} has ${name} [${shape.join(', ')}], expected ` +
          (want === undefined
            ? `only ${showNames(Object.keys(expected))}`
            : `[${want.join(', ')}]`),
      );
    }
  }
}

/** The reference may lack what the policy can do without (adapters), but what both have is of one shape. */
const checkReference = (refParams: Params, params: Params): void => {
  checkParams('refParams', refParams);
  if (Object.keys(refParams).length === 0) {
    throw new RangeError(
      'train: refParams has no tensors, expected the parameters of the reference; leave it out for none',
    );
  }
  for (const [name, { shape }] of Object.entries(refParams)) {
    const expected = params[name]?.shape;
    if (expected !== undefined && String(shape) !== String(expected)) {
      throw new RangeError(
        `train: refParams["${name}"] has shape [${String(shape)}], expected [${String(expected)}], that of params; the reference is the same model, as it was before`,
      );
    }
  }
};
