import { type Params, maskedMean, maskedSum, sgd } from '@cfrl/engine';
import { type Algorithm, type StepRecord, disposeState, grpo, train } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { tablePolicy } from './policies.js';

/** One step on completions of one to three tokens. */
async function step(algorithm: Algorithm, more: object = {}): Promise<StepRecord> {
  const params: Params = { table: tf.tensor1d([0.8, -0.3, 0.5, 0.1]) };
  let last: StepRecord | undefined;
  for await (const record of train({
    policy: tablePolicy(4, 3),
    params,
    algorithm,
    prompts: ['a', 'b', 'c', 'd'],
    reward: ({ tokens }) => tokens[0]! - 0.3 * tokens.length,
    optimizer: sgd({ learningRate: 1e-6 }),
    ...{ steps: 1, seed: 5, promptsPerStep: 3, ...more },
  })) {
    last = record;
  }
  disposeState(last!.state, params);
  tf.dispose(params['table']!);
  return last!;
}

describe('metrics of a step with several updates', () => {
  const base = grpo({ groupSize: 2, minibatchSize: 2 });
  /** Reports the mean of what tokens were reinforced with, and that of completions' first tokens. */
  const reporting: Algorithm = {
    ...base,
    prepare: (rollouts) =>
      rollouts.map(({ oldLogProbs }, i) => ({ advantages: oldLogProbs.map((_, t) => i * i + t) })),
    loss: (input) =>
      tf.tidy(() => {
        const { loss, metrics } = base.loss(input);
        const { advantages, mask } = input;
        const firsts = tf.slice(tf.cumsum(tf.cast(mask, 'int32'), 1), [0, 0], [-1, -1]);
        const first = tf.logicalAnd(mask, tf.equal(firsts, 1));
        return {
          loss,
          metrics: {
            ...metrics,
            ofTokens: maskedMean(advantages, mask) as tf.Scalar,
            ofFirsts: tf.div(maskedSum(advantages, first), mask.shape[0]) as tf.Scalar,
          },
          perCompletion: ['ofFirsts'],
        };
      }),
  };

  it('are means over tokens, or over completions where that is said, however the minibatches fall', async () => {
    const { completions, metrics } = await step(reporting);
    const lengths = completions.map(({ tokens }) => tokens.length);
    expect(new Set(lengths).size).toBeGreaterThan(1);
    const all = completions.flatMap(({ advantages }) => advantages);
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(metrics['ofTokens']).toBeCloseTo(mean(all), 4);
    expect(metrics['ofFirsts']).toBeCloseTo(mean(completions.map((c) => c.advantages[0]!)), 4);
    // The two differ, and so does a mean of the minibatches' means.
    expect(Math.abs(metrics['ofTokens']! - metrics['ofFirsts']!)).toBeGreaterThan(0.1);
  });
});
