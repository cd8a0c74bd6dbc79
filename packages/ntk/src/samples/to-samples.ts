import {
  checkFinite,
  checkOptions,
  checkTokens,
  showValue,
  valueAndGrad,
  checkFunction,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkNotEmpty } from '../check.js';
import type { PolicyGradientStep, TokenSample } from './policy-gradient-step.js';

/** A completion as a training loop records it. */
export interface RecordedCompletion {
  /** The prompt, as the model read it. */
  readonly promptTokens: readonly number[];
  /** `[L]`, what was sampled. */
  readonly tokens: readonly number[];
  /** `[L]`, what each token was reinforced with. */
  readonly advantages: readonly number[];
  /** Whether the algorithm left it out of the update: it then makes no samples. @defaultValue false */
  readonly dropped?: boolean;
}

/** Options of {@link toSamples}. */
export interface ToSamplesOptions {
  /** Step size of the plain gradient step. */
  readonly learningRate: number;
  /**
   * How the algorithm made one number of all tokens' losses `[B, T]`: the `reduce` that it was given (`perToken`, `perSequence`, ...),
   * linear in the losses. @defaultValue the mean over completions of the sum over tokens, as REINFORCE and RLOO have it
   */
  readonly reduce?: (losses: tf.Tensor, mask: tf.Tensor) => tf.Scalar;
}

const sequenceSum = (losses: tf.Tensor): tf.Scalar =>
  tf.div(tf.sum(losses), losses.shape[0]!) as tf.Scalar;

/**
 * From the record of a training step to the step that {@link predictUpdate} and {@link attributeEntropyChange} explain: one sample a
 * completion token, whose context is the prompt and the tokens before it.
 *
 *     loss = reduce_it(-A_it log pi(y_it | c_it));   weight_it = N A_it d reduce / d loss_it,   N completions
 *
 * So `(1 / N) sum weight log pi` is minus the loss, and its plain gradient ascent is the step of `sgd({ learningRate })` in one update on
 * all completions, without weights of entropy or KL. PPO's and GRPO's clipped loss has the same gradient where the ratio is 1, at the
 * first update of a step.
 *
 * @param record - the record of a step, or anything with its `completions`
 * @param options - step size, and how losses were reduced
 * @returns samples, completion after completion, with step size and number of completions
 * @throws TypeError or RangeError if there are no completions, one is empty, has a token that is none, or has not one finite advantage a token
 *
 * @example
 * ```ts
 * const record = { completions: [{ promptTokens: [7, 8], tokens: [4, 5], advantages: [0.5, -1] }] };
 * toSamples(record, { learningRate: 0.1 });
 * // => { samples: [{ context: [7, 8], token: 4, weight: 0.5 }, { context: [7, 8, 4], token: 5, weight: -1 }], learningRate: 0.1, completions: 1 }
 * ```
 */
export function toSamples(
  record: { readonly completions: readonly RecordedCompletion[] },
  options: ToSamplesOptions,
): PolicyGradientStep<readonly number[]> {
  const completions = weightedCompletions('toSamples', record, options);
  const samples = completions.flatMap(({ promptTokens, tokens, weights }) =>
    tokens.map((token, t): TokenSample<readonly number[]> => ({
      context: [...promptTokens, ...tokens.slice(0, t)],
      token,
      weight: weights[t]!,
    })),
  );
  return { samples, learningRate: options.learningRate, completions: completions.length };
}

/** The completions that were not dropped, with the weight that each token has in the objective. */
export function weightedCompletions(
  where: string,
  record: { readonly completions: readonly RecordedCompletion[] },
  options: ToSamplesOptions,
): (RecordedCompletion & { readonly weights: readonly number[] })[] {
  if (typeof record !== 'object' || record === null) {
    throw new TypeError(`${where}: record is ${showValue(record)}, expected one of train's`);
  }
  checkOptions(where, options, ['learningRate', 'reduce']);
  const { completions: all } = record;
  const { learningRate, reduce = sequenceSum } = options;
  checkFinite(`${where}: learningRate`, learningRate);
  checkFunction(
    `${where}: reduce`,
    reduce,
    'give the one that the algorithm was given, as perToken',
  );
  checkNotEmpty(`${where}: record.completions`, all);
  all.forEach((completion, i) => checkCompletion(`${where}: record.completions[${i}]`, completion));
  const completions = all.filter(({ dropped = false }) => !dropped);
  checkNotEmpty(`${where}: completions of the record that were not dropped`, completions);
  const shares = sharesOf(completions, reduce);
  return completions.map((completion, i) => ({
    ...completion,
    weights: completion.advantages.map(
      (advantage, t) => completions.length * shares[i]![t]! * advantage,
    ),
  }));
}

function checkCompletion(where: string, completion: RecordedCompletion): void {
  const { promptTokens, tokens, advantages } = completion ?? {};
  checkNotEmpty(`${where}.promptTokens`, promptTokens);
  checkNotEmpty(`${where}.tokens`, tokens);
  checkTokens(`${where}.promptTokens`, promptTokens);
  checkTokens(`${where}.tokens`, tokens);
  if (!Array.isArray(advantages) || advantages.length !== tokens.length) {
    const has = Array.isArray(advantages) ? `has ${advantages.length} entries` : 'is missing';
    throw new RangeError(`${where}.advantages ${has}, expected ${tokens.length}, one a token`);
  }
  advantages.forEach((value, t) => checkFinite(`${where}.advantages[${t}]`, value));
}

/** What each token's loss counts in the reduced one, `d reduce / d loss`. */
function sharesOf(
  completions: readonly RecordedCompletion[],
  reduce: Required<ToSamplesOptions>['reduce'],
): readonly (readonly number[])[] {
  return tf.tidy(() => {
    const time = Math.max(...completions.map(({ tokens }) => tokens.length));
    const rows = completions.map(({ tokens }) =>
      Array.from({ length: time }, (_, t) => t < tokens.length),
    );
    const mask = tf.tensor2d(rows, [rows.length, time], 'bool');
    const { grads } = valueAndGrad(({ losses }) => reduce(losses!, mask))({
      losses: tf.zeros([rows.length, time]),
    });
    return grads['losses']!.arraySync() as number[][];
  });
}
