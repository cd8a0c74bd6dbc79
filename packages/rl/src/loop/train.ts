import { type Params, disposeExcept } from '@cfrl/engine';

import type { Prompt } from '../types.js';
import { type ResolvedTrainOptions, resolveTrain } from './check-train.js';
import type { StepRecord } from './record.js';
import { startOf } from './start.js';
import { trainStep } from './step.js';
import type { TrainOptions } from './train-options.js';

/**
 * Trains a policy on a task by policy gradients. One iteration is one step: it samples completions,
 * asks for their rewards, updates the parameters and yields a record, so the caller logs, saves and
 * stops with an ordinary loop:
 *
 *     for await (const { step, metrics } of train({ ... })) console.log(step, metrics.rewardMean);
 *
 * **Determinism.** Everything random is keyed by seed and step, nothing by what was drawn before, so
 * a run continued from a saved state gives the same bits as one that was not interrupted.
 *
 * **Ownership.** What is passed in stays the caller's. `record.state` is lent until the next step is
 * asked for; the superseded one is then freed. The state yielded last belongs to the caller,
 * whether the loop came to its end, was left by `break`, or threw: keep it or pass it to
 * {@link disposeState}; with `keepUpdate`, so does the last `record.update`. A step that throws leaves nothing behind, so that state is still valid.
 *
 * @param options - what to train, on what, and how
 * @returns one record a step, `steps - from.step` of them
 * @throws RangeError or TypeError at once for options that do not fit together; from the iteration:
 *   RangeError if a reward, the loss, a gradient or a metric is not finite or the policy's answers do not
 *   fit together, Error (with `cause`) if the reward threw or took too long, the signal's reason if it aborted
 *
 * @example
 * ```ts
 * import { rng, sgd } from '@cfrl/engine';
 * import * as tf from '@tensorflow/tfjs-core';
 * // A policy of one token, 'a' or 'b': its logits are the parameters, whatever the prompt.
 * const policy = {
 *   sample: async (params, requests) => {
 *     const logProbs = Array.from(tf.tidy(() => tf.logSoftmax(params.logits).dataSync()));
 *     return requests.map(({ prompt, seed }) => {
 *       const token = rng(seed).next() < Math.exp(logProbs[0]) ? 0 : 1;
 *       return { prompt, promptTokens: [0], text: 'ab'[token], tokens: [token], logProbs: [logProbs[token]], finishReason: 'stop' };
 *     });
 *   },
 *   forward: (params, { tokens: { shape } }) => ({
 *     logits: tf.add(tf.zeros([...shape, 2]), params.logits), features: tf.ones([...shape, 1]),
 *   }),
 *   padToken: 0,
 *   featureSize: 1,
 * };
 * const reward = ({ text }) => (text === 'b' ? 1 : 0);
 * const optimizer = sgd({ learningRate: 1 });
 * const params = { logits: tf.zeros([2]) };
 * const options = { policy, params, algorithm: rloo(), prompts: [''], reward, optimizer, promptsPerStep: 1 };
 * let last;
 * for await (const record of train({ ...options, steps: 30, seed: 7 })) last = record;
 * last.metrics.entropy < 0.3; // => true
 * ```
 */
export function train<P extends Prompt>(
  options: TrainOptions<P>,
): AsyncGenerator<StepRecord, void, void> {
  return steps(resolveTrain(options));
}

async function* steps<P extends Prompt>(
  options: ResolvedTrainOptions<P>,
): AsyncGenerator<StepRecord, void, void> {
  const start = startOf(options);
  const given = [options.params, options.from?.params ?? {}, options.from?.optState ?? {}];
  let { state } = start;
  let update: Params = {};
  let lent = false;
  try {
    while (state.step < options.steps) {
      const record = await trainStep(start.run, state);
      const { params, optState } = record.state;
      disposeExcept([state.params, state.optState], [...given, params, optState]);
      disposeExcept([update], []);
      state = record.state;
      update = record.update ?? {};
      lent = true;
      yield record;
    }
  } finally {
    start.run.dispose();
    if (!lent) disposeExcept([state.params, state.optState], given);
  }
}
