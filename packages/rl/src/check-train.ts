import {
  type Params,
  checkOptions,
  checkPositiveInteger,
  checkSeed,
  mergeParams,
  selectParams,
} from '@cfrl/engine';

import { type TrainState, disposeExcept } from './ownership.js';
import { contentOf, isPromptContent } from './prompt-content.js';
import { trainsOf } from './start.js';
import type { TrainOptions } from './train-options.js';
import type { Prompt } from './types.js';

const known = [
  ...['policy', 'params', 'algorithm', 'prompts', 'reward', 'optimizer', 'steps', 'seed'],
  ...['promptsPerStep', 'trainable', 'refParams', 'microBatchSize', 'compile', 'from'],
];

const show = (names: readonly string[]): string => names.join(', ') || 'nothing';

/** Refuses options of `train` that do not fit together. */
export function checkTrainOptions<P extends Prompt>(options: TrainOptions<P>): void {
  checkOptions('train', options, known);
  const { params, algorithm, prompts, steps, seed, promptsPerStep, trainable, from } = options;
  checkPositiveInteger('train: steps', steps);
  checkSeed('train: seed', seed);
  if (![undefined, true, false, 'xla'].includes(options.compile)) {
    throw new RangeError(
      `train: compile is ${String(options.compile)}, expected true, false or 'xla'`,
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
    const content: unknown = prompt === null ? null : contentOf(prompt);
    if (!isPromptContent(content)) {
      throw new TypeError(
        `train: prompts[${i}] is ${String(prompt)}, expected a text, tokens, messages, or a record { prompt } with one of them`,
      );
    }
  });
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
    throw new RangeError(`train: trainable selects nothing, expected some of ${show(names)}`);
  }
  if (from !== undefined) checkState(options, from);
}

/** Refuses a state that belongs to other parameters or to another optimiser. */
function checkState<P extends Prompt>(options: TrainOptions<P>, from: TrainState): void {
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
        `train: from.optState lacks ${show(missing)}, expected the state of the same optimizer ` +
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
          (want === undefined ? `only ${show(Object.keys(expected))}` : `[${want.join(', ')}]`),
      );
    }
  }
}
