import {
  type Params,
  disposeExcept,
  mapParams,
  selectParams,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { BatchTensors } from '../data/batch.js';
import { minibatches } from '../data/order.js';
import { klK3 } from '../losses/kl.js';
import { mean, standardDeviation } from '../statistics.js';
import type { Prompt, Rollout, Targets } from '../types.js';
import { explainedVariance, scoringGap } from './diagnostics.js';
import type { StepMetrics, StepRecord } from './record.js';
import { type RewardRun, rewardAll } from './reward-all.js';
import {
  type GroupOptions,
  type Round,
  type SampledCompletion,
  sampleGroups,
} from './sample-groups.js';
import { type Scores, scoreAll } from './score.js';
import type { TrainState } from './state.js';
import type { TrainOptions } from './train-options.js';
import { type Example, type UpdateRun, type Updated, update } from './update.js';

/** What stays the same over a run. */
export interface Run<P extends Prompt>
  extends
    UpdateRun,
    GroupOptions,
    RewardRun<P>,
    Pick<TrainOptions<P>, 'promptsPerStep' | 'refParams' | 'keepUpdate'> {
  readonly prompts: readonly P[];
  /** The scores of the policy, with the algorithm's critic, and those of the reference, compiled. */
  readonly scoreTensors: ScoreTensors;
  readonly scoreReference: ScoreTensors;
  /** Frees the graphs. */
  readonly dispose: () => void;
}

type ScoreTensors = (params: Params, batch: BatchTensors) => Scores;

/** One minibatch after the other; on an error nothing is left but the state that was there before. */
async function updates<P extends Prompt>(
  run: Run<P>,
  state: TrainState,
  examples: readonly Example[],
) {
  const { seed, algorithm } = run;
  const results: Updated[] = [];
  const before = [state.params, state.optState];
  let now: Pick<TrainState, 'params' | 'optState'> = state;
  try {
    for (let epoch = 0; epoch < algorithm.epochs; epoch++) {
      const order = minibatches(seed, state.step, epoch, examples.length, algorithm.minibatchSize);
      for (const [i, indices] of order.entries()) {
        const at = `at step ${state.step}, epoch ${epoch}, minibatch ${i} (seed ${seed})`;
        const minibatch = indices.map((index) => examples[index]!);
        await yieldToEventLoop(run.signal);
        const next = await update(run, now, minibatch, at);
        disposeExcept([now.params, now.optState], [...before, next.params, next.optState]);
        now = next;
        results.push(next);
      }
    }
  } catch (error) {
    disposeExcept([now.params, now.optState], before);
    throw error;
  }
  return { results, params: now.params, optState: now.optState };
}

/** Over a step's updates: the largest of what is called so, the weighted mean of anything else. */
function combine(
  all: readonly Pick<Updated, 'metrics' | 'weights'>[],
): Record<string, number> & { loss: number; gradNorm: number } {
  const combined = Object.keys(all[0]!.metrics).map((name) => {
    const numbers = all.map(({ metrics }) => metrics[name]!);
    if (name.endsWith('Max')) return [name, Math.max(...numbers)];
    const weights = all.map(({ weights: own }) => own[name]!);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const scaled = numbers.map((number, i) => number * (weights[i]! / total) * numbers.length);
    return [name, mean(scaled)];
  });
  return Object.fromEntries(combined) as ReturnType<typeof combine>;
}

function checkTargets(targets: Targets, rollouts: readonly Rollout[]): void {
  if (targets.length !== rollouts.length) {
    throw new RangeError(
      `train: algorithm.prepare gave ${targets.length} targets, expected ${rollouts.length}, one a ` +
        'completion, undefined where it is dropped',
    );
  }
  if (targets.every((target) => target === undefined)) {
    throw new RangeError(
      `train: algorithm.prepare dropped all ${rollouts.length} completions, expected it to keep at ` +
        'least 1; answer { morePrompts } to sample more, or give advantages of 0',
    );
  }
  targets.forEach((target, i) => {
    const { advantages = [], returns = [] } = target ?? {};
    const bad = [...advantages, ...returns].find((number) => !Number.isFinite(number));
    const count = rollouts[i]!.oldLogProbs.length;
    const fits = [advantages, target?.returns ?? advantages].every((x) => x.length === count);
    if (target === undefined || (bad === undefined && fits)) return;
    throw new RangeError(
      `train: algorithm.prepare gave completion ${i} ${advantages.length} advantages` +
        `${target.returns ? ` and ${returns.length} returns` : ''}` +
        `${bad === undefined ? '' : `, among them or the returns ${bad}`}, expected ` +
        `${count} finite numbers`,
    );
  });
}

/** A completion with all that is known of it before the updates. */
interface Known {
  readonly completion: SampledCompletion;
  readonly rollout: Rollout;
  /** `[L]`, nats, if it was scored. */
  readonly entropy?: readonly number[];
}

/** Samples once and scores. */
async function explore<P extends Prompt>(
  run: Run<P>,
  { params, step }: TrainState,
  round: Round,
): Promise<Known[]> {
  const { policy, algorithm, refParams, signal } = run;
  const atOnce = Math.min(algorithm.minibatchSize, run.microBatchSize ?? Infinity);
  const completions = await sampleGroups(run, params, step, round);
  const worths = await rewardAll(run, completions, step);
  const scored =
    run.onPolicy && algorithm.values === undefined
      ? undefined
      : await scoreAll(run.scoreTensors, params, completions, policy, atOnce, signal);
  const reference =
    refParams &&
    (await scoreAll(run.scoreReference, refParams, completions, policy, atOnce, signal));
  return completions.map((completion, i) => ({
    completion,
    rollout: {
      ...worths[i]!,
      oldLogProbs: scored?.logProbs[i] ?? completion.logProbs,
      ...(reference && { refLogProbs: reference.logProbs[i]! }),
      ...(scored?.values && { values: scored.values[i]! }),
    },
    ...(scored && { entropy: scored.entropy[i]! }),
  }));
}

/** Samples until the algorithm has what it wants. */
async function collect<P extends Prompt>(
  run: Run<P>,
  state: TrainState,
): Promise<{ known: Known[]; targets: Targets }> {
  const { algorithm, prompts } = run;
  const { groupSize, maxRounds = 1 } = algorithm;
  const known: Known[] = [];
  let promptCount = run.promptsPerStep;
  for (let round = 0; round < maxRounds; round++) {
    const slotsBefore = known.length / groupSize;
    known.push(...(await explore(run, state, { round, slotsBefore, promptCount })));
    const rollouts = known.map(({ rollout }) => rollout);
    const prepared = await algorithm.prepare(rollouts);
    if (typeof prepared !== 'object' || prepared === null) {
      throw new TypeError(
        `train: algorithm.prepare gave ${String(prepared)}, expected a list with a target for each completion, or { morePrompts }`,
      );
    }
    if (!('morePrompts' in prepared)) {
      checkTargets(prepared, rollouts);
      return { known, targets: prepared };
    }
    promptCount = prepared.morePrompts;
    if (!(Number.isSafeInteger(promptCount) && promptCount > 0 && promptCount <= prompts.length)) {
      throw new RangeError(
        `train: algorithm.prepare's morePrompts is ${String(promptCount)}, expected an integer ` +
          `from 1 to ${prompts.length}, the number of prompts`,
      );
    }
  }
  throw new RangeError(
    `train: ${algorithm.name} asked for more completions after ${known.length} at step ${state.step}, ` +
      `expected targets after maxRounds, ${maxRounds}; raise it, or mix easier and harder prompts`,
  );
}

async function klReference(logProbs: number[], refLogProbs: number[]) {
  const divergence = tf.tidy(() => tf.mean(klK3(tf.tensor1d(logProbs), tf.tensor1d(refLogProbs))));
  try {
    return (await divergence.data())[0]!;
  } finally {
    divergence.dispose();
  }
}

/**
 * One step: sample, reward, score, turn rewards into advantages, update. The state passed in stays
 * as it is, also when something throws.
 *
 * @returns the record; the caller owns those tensors of its state that are not the former state's, and its update
 */
export async function trainStep<P extends Prompt>(
  run: Run<P>,
  state: TrainState,
): Promise<StepRecord> {
  await yieldToEventLoop(run.signal);
  const { known, targets } = await collect(run, state);
  const examples = known.flatMap((each, i) =>
    targets[i] ? [{ ...each, target: targets[i] }] : [],
  );
  const rollouts = examples.map(({ rollout }) => rollout);
  const refLogProbs = rollouts.flatMap((rollout) => rollout.refLogProbs ?? []);
  const { results, params, optState } = await updates(run, state, examples);
  try {
    // Of the policy that sampled; where it was not scored, the step has one update, and that is where it is known from.
    const [first] = results as [Updated, ...Updated[]];
    const scored = examples[0]!.entropy !== undefined;
    const logProbs = scored ? rollouts.map(({ oldLogProbs }) => oldLogProbs) : first.logProbs;
    const entropy = scored ? examples.map((example) => example.entropy!) : first.entropy;
    const rewards = known.map(({ rollout }) => rollout.reward);
    const lengths = known.map(({ completion }) => completion.tokens.length);
    const returns = examples.flatMap(({ target }) => target.returns ?? []);
    const values = rollouts.flatMap((rollout) => rollout.values ?? []);
    const metrics: StepMetrics = {
      rewardMean: mean(rewards),
      rewardStd: standardDeviation(rewards),
      advantageStd: standardDeviation(examples.flatMap(({ target }) => target.advantages)),
      completionLength: mean(lengths),
      sampledTokens: lengths.reduce((sum, length) => sum + length, 0),
      droppedCompletions: known.length - examples.length,
      ...combine(results),
      entropy: mean(entropy.flat()),
      logProbMean: mean(logProbs.flat()),
      scoringGap: scoringGap(
        examples.map(({ completion }) => completion.logProbs),
        logProbs,
      ),
      ...(refLogProbs.length > 0 && { klRef: await klReference(logProbs.flat(), refLogProbs) }),
      ...(values.length > 0 &&
        returns.length > 0 && { explainedVariance: explainedVariance(values, returns) }),
    };
    const bad = Object.entries(metrics).find(([, number]) => !Number.isFinite(number));
    if (bad) {
      throw new RangeError(
        `train: ${bad[0]} is ${bad[1]} at step ${state.step} (seed ${run.seed}), expected a finite ` +
          'number; the parameters are as they were before the step',
      );
    }
    return {
      step: state.step,
      metrics,
      completions: known.map(({ completion, rollout: { reward, rewards: paid } }, i) => ({
        ...completion,
        reward,
        ...(paid && { rewards: paid }),
        ...(targets[i]
          ? { advantages: targets[i].advantages }
          : { advantages: completion.tokens.map(() => 0), dropped: true as const }),
      })),
      state: { step: state.step + 1, params, optState },
      ...(run.keepUpdate && {
        update: mapParams(selectParams(params, run.trains), (after, name) =>
          tf.sub(after, state.params[name]!),
        ),
      }),
    };
  } catch (error) {
    disposeExcept([params, optState], [state.params, state.optState]);
    throw error;
  }
}
