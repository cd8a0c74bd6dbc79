import { checkPositiveInteger, checkSeed, fold, rng, shuffle } from '@cfrl/engine';

/**
 * Which prompts a step uses. All prompts are shuffled once an epoch, the epochs are laid end to end,
 * and each step takes the next `promptsPerStep`; so every prompt is used once an epoch, and a step
 * is known without the steps before it.
 *
 * @param seed - the run's seed, integer in `[0, 2^53)`
 * @param step - index of the step, from 0
 * @param promptsPerStep - at most `promptCount`
 * @param promptCount - number of prompts
 * @returns `[promptsPerStep]`, indices of prompts; one may occur twice where two epochs meet
 * @throws RangeError if there are fewer prompts than a step needs
 *
 * @example
 * ```ts
 * const epoch = [0, 1, 2].flatMap((step) => promptsOfStep(7, step, 2, 6));
 * epoch.sort(); // => [0, 1, 2, 3, 4, 5]
 * ```
 */
export function promptsOfStep(
  seed: number,
  step: number,
  promptsPerStep: number,
  promptCount: number,
): number[] {
  checkSeed('promptsOfStep: seed', seed);
  checkSeed('promptsOfStep: step', step);
  checkPositiveInteger('promptsOfStep: promptsPerStep', promptsPerStep);
  checkPositiveInteger('promptsOfStep: promptCount', promptCount);
  if (promptsPerStep > promptCount) {
    throw new RangeError(
      `promptsOfStep: promptsPerStep is ${promptsPerStep}, expected at most the number of ` +
        `prompts, ${promptCount}; raise the group size to sample more from each`,
    );
  }
  const first = step * promptsPerStep;
  const epoch = Math.floor(first / promptCount);
  const inOrder = Array.from({ length: promptCount }, (_, i) => i);
  const shuffled = (k: number): number[] => shuffle(rng(fold(seed, 'epoch', k)), inOrder);
  const skip = first - epoch * promptCount;
  const current = shuffled(epoch).slice(skip, skip + promptsPerStep);
  const missing = promptsPerStep - current.length;
  return missing === 0 ? current : [...current, ...shuffled(epoch + 1).slice(0, missing)];
}

/**
 * The seed of one completion. Its place in the step keys it, not the prompt's index, so that a
 * prompt that a step uses twice gets two different groups.
 *
 * @param seed - the run's seed, integer in `[0, 2^53)`
 * @param step - index of the step, from 0
 * @param slot - place of the prompt in the step, from 0
 * @param sample - place of the completion in its group, from 0
 * @returns an integer in `[0, 2^53)`
 *
 * @example
 * ```ts
 * completionSeed(7, 0, 1, 2) === completionSeed(7, 0, 2, 1); // => false
 * ```
 */
export function completionSeed(seed: number, step: number, slot: number, sample: number): number {
  checkSeed('completionSeed: seed', seed);
  checkSeed('completionSeed: step', step);
  checkSeed('completionSeed: slot', slot);
  checkSeed('completionSeed: sample', sample);
  return fold(seed, 'completion', step, slot, sample);
}

/**
 * Which completions each update of one epoch uses: all of them in order if they fit into one
 * minibatch, else a shuffle keyed by step and epoch, cut in pieces.
 *
 * @param seed - the run's seed, integer in `[0, 2^53)`
 * @param step - index of the step, from 0
 * @param epoch - index of the pass over the step's completions, from 0
 * @param count - number of completions
 * @param minibatchSize - completions an update; where it does not divide `count`, the last update has fewer
 * @returns indices of completions, one array an update; every index occurs once
 * @throws RangeError if `minibatchSize` is not a positive integer or `Infinity`
 *
 * @example
 * ```ts
 * minibatches(7, 0, 0, 3, Infinity); // => [[0, 1, 2]]
 * minibatches(7, 0, 0, 6, 2).flat().sort(); // => [0, 1, 2, 3, 4, 5]
 * ```
 */
export function minibatches(
  seed: number,
  step: number,
  epoch: number,
  count: number,
  minibatchSize: number,
): number[][] {
  checkSeed('minibatches: seed', seed);
  checkSeed('minibatches: step', step);
  checkSeed('minibatches: epoch', epoch);
  checkPositiveInteger('minibatches: count', count);
  const inOrder = Array.from({ length: count }, (_, i) => i);
  if (minibatchSize === Infinity || minibatchSize === count) return [inOrder];
  checkPositiveInteger('minibatches: minibatchSize', minibatchSize);
  if (minibatchSize > count) return [inOrder];
  const order = shuffle(rng(fold(seed, 'minibatch', step, epoch)), inOrder);
  return Array.from({ length: Math.ceil(count / minibatchSize) }, (_, i) =>
    order.slice(i * minibatchSize, (i + 1) * minibatchSize),
  );
}
