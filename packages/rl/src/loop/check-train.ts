import {
  type Optimizer,
  type Params,
  checkFunction,
  checkPositiveInteger,
  checkSeed,
  option,
  required,
  resolveOptions,
  showNames,
  showValue,
  checkSignal,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkCount } from '../check.js';
import { contentOf, isPromptContent } from '../data/prompt-content.js';
import type { Algorithm, Policy, Prompt } from '../types.js';
import { initState } from './init-state.js';
import { type TrainState, disposeState } from './state.js';
import type { TrainOptions } from './train-options.js';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refuse(where: string, value: unknown, expected: string): never {
  throw new TypeError(`${where} is ${showValue(value)}, expected ${expected}`);
}

/** The check of an object by the types of its members: a factory that was not called has none. */
const has =
  (members: Readonly<Record<string, string>>, mend: string) =>
  (where: string, value: unknown): void => {
    if (!isObject(value)) refuse(where, value, mend);
    for (const [name, type] of Object.entries(members)) {
      if (typeof value[name] !== type)
        refuse(`${where}.${name}`, value[name], `a ${type}; ${mend}`);
    }
  };

function checkParams(where: string, value: unknown): void {
  if (!isObject(value)) refuse(where, value, 'parameters, tensors by name');
  for (const [name, tensor] of Object.entries(value)) {
    if (!(tensor instanceof tf.Tensor)) refuse(`${where}["${name}"]`, tensor, 'a tensor');
    if (tensor.isDisposed) {
      throw new RangeError(
        `${where}["${name}"] is a tensor that has been disposed, expected one that is alive; ` +
          'a record lends its state until the next step, so copy what is to outlive it',
      );
    }
  }
}

/** The check of the parameters of a model. */
const parametersOf =
  (whose: string) =>
  (where: string, value: unknown): void => {
    checkParams(where, value);
    if (Object.keys(value as Params).length > 0) return;
    throw new RangeError(`${where} has no tensors, expected the parameters of ${whose}`);
  };

function checkAlgorithm(where: string, algorithm: Algorithm): void {
  const [text, number, call] = ['string', 'number', 'function'];
  const members = { name: text, groupSize: number, epochs: number, minibatchSize: number };
  const mend = 'an algorithm; call one, as in grpo()';
  has({ ...members, prepare: call, loss: call }, mend)(where, algorithm);
  checkPositiveInteger(`${where}.groupSize`, algorithm.groupSize);
  checkPositiveInteger(`${where}.epochs`, algorithm.epochs);
  checkCount(`${where}.minibatchSize`, algorithm.minibatchSize);
  checkPositiveInteger(`${where}.maxRounds`, algorithm.maxRounds ?? 1);
}

function checkPrompts(where: string, prompts: readonly Prompt[]): void {
  if (!Array.isArray(prompts)) {
    refuse(where, prompts, 'an array of prompts; one prompt is an array of one');
  }
  prompts.forEach((prompt: Prompt | null, i) => {
    if (isPromptContent(prompt === null ? null : contentOf(prompt))) return;
    const kinds = 'a text, tokens, messages, or a record { prompt } with one of them';
    refuse(`${where}[${i}]`, prompt, kinds);
  });
}

function checkReward(where: string, reward: unknown): void {
  if (typeof reward === 'function') return;
  if (isObject(reward) && typeof reward['batch'] === 'function') return;
  refuse(where, reward, 'a function of a completion, or { batch }, one of all');
}

/** Timers count in int32: what is longer would end at once. */
function checkTimeout(where: string, milliseconds: number): void {
  if (typeof milliseconds === 'number' && milliseconds > 0 && milliseconds < 2 ** 31) return;
  throw new RangeError(
    `${where} is ${showValue(milliseconds)}, expected milliseconds, above 0 and below 2^31; ` +
      'leave it out for no limit',
  );
}

function checkCompile(where: string, compile: unknown): void {
  if ([true, false, 'xla'].includes(compile as boolean)) return;
  throw new RangeError(`${where} is ${showValue(compile)}, expected true, false or 'xla'`);
}

/** Every option of `train` with its default and its check. */
const table = {
  policy: required<Policy>(
    has(
      { sample: 'function', forward: 'function', padToken: 'number', featureSize: 'number' },
      'a policy: an object that samples and scores',
    ),
  ),
  params: required<Params>(parametersOf('the policy')),
  algorithm: required<Algorithm>(checkAlgorithm),
  prompts: required<readonly Prompt[]>(checkPrompts),
  reward: required<unknown>(checkReward),
  rewardConcurrency: option(Infinity, checkCount),
  rewardTimeout: option<number | undefined>(undefined, checkTimeout),
  optimizer: required<Optimizer>(
    has(
      { init: 'function', update: 'function' },
      'an optimizer; call one, as in adamw({ learningRate: 1e-5 })',
    ),
  ),
  steps: required<number>(checkPositiveInteger),
  seed: required<number>(checkSeed),
  promptsPerStep: required<number>(checkPositiveInteger),
  trainable: option(
    (_name: string): boolean => true,
    (where, given) => checkFunction(where, given, 'write (name) => [...].includes(name)'),
  ),
  refParams: option<Params | undefined>(
    undefined,
    parametersOf('the reference; leave it out for none'),
  ),
  microBatchSize: option<number | undefined>(undefined, checkPositiveInteger),
  compile: option<boolean | 'xla'>(true, checkCompile),
  signal: option<AbortSignal | undefined>(undefined, checkSignal),
  keepUpdate: option(false, (where, keep) => {
    if (typeof keep !== 'boolean') refuse(where, keep, 'true or false');
  }),
  from: option<TrainState | undefined>(undefined, (where, from) => {
    has({ step: 'number', params: 'object', optState: 'object' }, 'a state')(where, from);
    checkParams(`${where}.params`, from.params);
    checkParams(`${where}.optState`, from.optState);
    if (Number.isSafeInteger(from.step) && from.step >= 0) return;
    throw new RangeError(`${where}.step is ${from.step}, expected an integer >= 0`);
  }),
};

/** Options of {@link train}, checked, with their defaults. */
export type ResolvedTrainOptions<P extends Prompt> = TrainOptions<P> &
  Required<Pick<TrainOptions<P>, 'rewardConcurrency' | 'trainable' | 'compile'>>;

/** The options of `train` with their defaults; refuses what is wrong and what does not fit together. */
export function resolveTrain<P extends Prompt>(options: TrainOptions<P>): ResolvedTrainOptions<P> {
  const resolved = resolveOptions('train', options, table) as ResolvedTrainOptions<P>;
  const { policy, params, refParams, algorithm, prompts, promptsPerStep, trainable } = resolved;
  const { rewardConcurrency, from } = resolved;
  if (rewardConcurrency !== Infinity && typeof resolved.reward !== 'function') {
    throw new RangeError(
      `train: rewardConcurrency is ${rewardConcurrency}, expected none; reward.batch is asked once`,
    );
  }
  if (promptsPerStep > prompts.length) {
    throw new RangeError(
      `train: prompts has ${prompts.length} entries, expected at least promptsPerStep, ` +
        `${promptsPerStep}; a larger group size samples more from each`,
    );
  }
  policy.checkPrompts?.(prompts.map(contentOf));
  const batchSize = promptsPerStep * algorithm.groupSize;
  if (algorithm.minibatchSize !== Infinity && batchSize % algorithm.minibatchSize !== 0) {
    throw new RangeError(
      `train: algorithm.minibatchSize is ${algorithm.minibatchSize}, expected a divisor of ` +
        `${batchSize} (promptsPerStep x groupSize) or Infinity`,
    );
  }
  if (algorithm.needsReference && refParams === undefined) {
    throw new RangeError(
      `train: refParams is undefined, expected parameters; ${algorithm.name} has a KL weight above 0`,
    );
  }
  if (refParams !== undefined) checkReference(refParams, params);
  const names = Object.keys(params);
  if (!names.some(trainable)) {
    throw new RangeError(`train: trainable selects nothing, expected some of ${showNames(names)}`);
  }
  if (from !== undefined) checkState(resolved, from);
  return resolved;
}

/** Refuses a state that belongs to other parameters or to another optimiser. */
function checkState<P extends Prompt>(options: TrainOptions<P>, from: TrainState): void {
  const fresh = initState(options);
  try {
    checkShapes('params', from.params, fresh.params);
    checkShapes('optState', from.optState, fresh.optState);
    const missing = Object.keys(fresh.optState).filter((name) => !(name in from.optState));
    if (missing.length > 0) {
      throw new RangeError(
        `train: from.optState lacks ${showNames(missing)}, expected the state of the same optimizer ` +
          'with the same trainable parameters',
      );
    }
  } finally {
    disposeState(fresh, options.params);
  }
}

function checkShapes(what: string, found: Params, expected: Params): void {
  for (const [name, { shape }] of Object.entries(found)) {
    const want = expected[name]?.shape;
    if (want?.join() === shape.join()) continue;
    const names = showNames(Object.keys(expected));
    throw new RangeError(
      `train: from.${what} has ${name} [${shape.join(', ')}], expected ` +
        (want === undefined ? `only ${names}` : `[${want.join(', ')}]`),
    );
  }
}

/** The reference may lack what the policy can do without (adapters), but what both have is of one shape. */
function checkReference(refParams: Params, params: Params): void {
  for (const [name, { shape }] of Object.entries(refParams)) {
    const expected = params[name]?.shape;
    if (expected === undefined || String(shape) === String(expected)) continue;
    throw new RangeError(
      `train: refParams["${name}"] has shape [${String(shape)}], expected [${String(expected)}], that of params; the reference is the same model, as it was before`,
    );
  }
}
