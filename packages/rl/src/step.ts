import type { Params } from '@cfrl/engine';

import type { BatchTensors } from './batch.js';
import { explainedVariance, scoringGap } from './diagnostics.js';
import { minibatches } from './order.js';
import { type TrainState, disposeExcept } from './ownership.js';
import type { StepMetrics, StepRecord } from './record.js';
import { rewardAll, sampleGroups } from './sample-groups.js';
import { type Scores, scoreAll } from './score.js';
import { mean, standardDeviation } from './statistics.js';
import type { Prompt, Reward, Rollout, Target } from './types.js';
import { type Example, type UpdateRun, type Updated, update } from './update.js';

/** What stays the same over a run. */
export interface Run<P extends Prompt> extends UpdateRun {
  readonly prompts: readonly P[];
  readonly reward: Reward<P>;
  readonly seed: number;
  readonly promptsPerStep: number;
  readonly groupSize: number;
  readonly refParams?: Params;
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

/** Over a step's updates: the largest of what is called so, the mean of anything else. */
function combine(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  return Object.fromEntries(
    Object.keys(all[0]!).map((name) => {
      const numbers = all.map((metrics) => metrics[name]!);
      return [name, name.endsWith('Max') ? Math.max(...numbers) : mean(numbers)];
    }),
  );
}

function checkTargets(targets: readonly Target[], rollouts: readonly Rollout[]): void {
  targets.forEach(({ advantages, returns = [] }, i) => {
    const bad = [...advantages, ...returns].find((number) => !Number.isFinite(number));
    if (bad === undefined && advantages.length === rollouts[i]?.oldLogProbs.length) return;
    throw new RangeError(
      `train: algorithm.prepare gave completion ${i} ${advantages.length} advantages` +
        `${bad === undefined ? '' : `, among them or the returns ${bad}`}, expected ` +
        `${rollouts[i]?.oldLogProbs.length} finite numbers`,
    );
  });
}

/**
 * One step: sample, reward, score, turn rewards into advantages, update. The state passed in stays
 * as it is, also when something throws.
 *
 * @param run - what stays the same
 * @param state - where the training stands
 * @returns the record; the caller owns those tensors of its state that are not the former state's
 */
export async function trainStep<P extends Prompt>(
  run: Run<P>,
  state: TrainState,
): Promise<StepRecord> {
  const { policy, algorithm, refParams } = run;
  const atOnce = Math.min(algorithm.minibatchSize, run.microBatchSize ?? Infinity);
  const completions = await sampleGroups(run, state.params, state.step);
  const rewards = await rewardAll(run.reward, run.prompts, completions, state.step);

  const sampled = completions.map(({ logProbs }) => logProbs);
  const scored =
    run.onPolicy && algorithm.values === undefined
      ? undefined
      : await scoreAll(run.scoreTensors, state.params, completions, policy, atOnce);
  const reference =
    refParams && (await scoreAll(run.scoreReference, refParams, completions, policy, atOnce));
  const rollouts = completions.map((_, i) => ({
    reward: rewards[i]!,
    oldLogProbs: (scored?.logProbs ?? sampled)[i]!,
    ...(reference && { refLogProbs: reference.logProbs[i]! }),
    ...(scored?.values && { values: scored.values[i]! }),
  }));
  const targets = algorithm.prepare(rollouts);
  checkTargets(targets, rollouts);

  const examples = completions.map((completion, i) => ({
    completion,
    rollout: rollouts[i]!,
    target: targets[i]!,
  }));
  const { results, params, optState } = await updates(run, state, examples);

  const lengths = completions.map(({ tokens }) => tokens.length);
  const advantages = targets.map((target) => target.advantages);
  const returns = targets.flatMap((target) => target.returns ?? []);
  const metrics: StepMetrics = {
    rewardMean: mean(rewards),
    rewardStd: standardDeviation(rewards),
    advantageStd: standardDeviation(advantages.flat()),
    completionLength: mean(lengths),
    sampledTokens: lengths.reduce((sum, length) => sum + length, 0),
    ...(combine(results.map((result) => result.metrics)) as Pick<
      StepMetrics,
      'loss' | 'gradNorm' | 'entropy' | 'logProbMean'
    >),
    scoringGap: scoringGap(sampled, scored?.logProbs ?? results[0]!.logProbs),
    ...(scored?.values && returns.length > 0
      ? { explainedVariance: explainedVariance(scored.values.flat(), returns) }
      : {}),
  };
  return {
    step: state.step,
    metrics,
    completions: completions.map((completion, i) => ({
      ...completion,
      reward: rewards[i]!,
      advantages: advantages[i]!,
    })),
    state: { step: state.step + 1, params, optState },
  };
}
