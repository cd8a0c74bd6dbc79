import { type Params, disposeParams, sgd } from '@cfrl/engine';
import {
  type Algorithm,
  type Rollout,
  type StepRecord,
  type TrainOptions,
  disposeState,
  grpo,
  ppo,
  reinforce,
  rloo,
  train,
} from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { logSoftmax, prefixParams, prefixPolicy, tablePolicy } from './policies.js';

const start = [0.2, -0.3, 0.5, 0.1];
type Options = Partial<TrainOptions<string>>;

/** Runs to the end, or to the error; afterwards nothing may be left but what was there. */
async function run(algorithm: Algorithm, more: Options = {}) {
  const params: Params = { table: tf.tensor1d(start) };
  const refParams = { table: tf.tensor1d([0, 0.4, -0.2, 0.3]) };
  const before = tf.memory().numTensors;
  const records: StepRecord[] = [];
  const updates: number[][] = [];
  let error: Error | undefined;
  const tables: number[][] = [];
  try {
    for await (const record of train({
      policy: tablePolicy(4, 3),
      params,
      algorithm,
      prompts: ['a', 'b', 'c', 'd'],
      reward: ({ tokens }) => tokens.filter((token) => token === 2).length - 0.3 * tokens.length,
      optimizer: sgd({ learningRate: 0.5 }),
      ...{ steps: 2, seed: 11, promptsPerStep: 2, refParams },
      ...more,
    })) {
      records.push(record);
      tables.push(Array.from(record.state.params['table']!.dataSync()));
      if (record.update) updates.push(Array.from(record.update['table']!.dataSync()));
    }
  } catch (caught) {
    error = caught as Error;
  }
  const last = records.at(-1);
  if (last) {
    expect(last.state.params['table']!.isDisposed).toBe(false);
    disposeState(last.state, params);
    if (last.update) disposeParams(last.update);
  }
  expect(tf.memory().numTensors).toBe(before);
  disposeParams(params);
  disposeParams(refParams);
  return { records, updates, tables, error };
}

const zeros = ({ oldLogProbs }: Rollout) => ({ advantages: oldLogProbs.map(() => 1) });

describe('an algorithm that drops completions and asks for more', () => {
  const asked: number[] = [];
  const dynamic = (more: Partial<Algorithm> = {}): Algorithm => ({
    ...grpo({ groupSize: 3, name: 'dapo', minibatchSize: 2, epochs: 2 }),
    maxRounds: 3,
    prepare: async (rollouts) => {
      asked.push(rollouts.length);
      if (rollouts.length < 9) return { morePrompts: 1 };
      return rollouts.map((rollout, i) => (i % 9 < 4 ? undefined : zeros(rollout)));
    },
    ...more,
  });

  it('gets them, the same ones each time, and they are counted', async () => {
    const [once, twice] = [await run(dynamic()), await run(dynamic())];
    expect(once.error).toBeUndefined();
    expect(asked.slice(0, 4)).toEqual([6, 9, 6, 9]);
    expect(twice.tables).toEqual(once.tables);
    const { completions, metrics } = once.records[0]!;
    expect(completions).toHaveLength(9);
    expect(new Set(completions.map(({ seed }) => seed)).size).toBe(9);
    expect(completions.map(({ dropped }) => dropped === true)).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 0].map(Boolean)); // prettier-ignore
    expect(metrics.droppedCompletions).toBe(4);
  });

  it('has clear errors for too many rounds, all dropped, and answers of a wrong size', async () => {
    const error = async (prepare: Algorithm['prepare'], maxRounds?: number) =>
      (await run(dynamic({ prepare, ...(maxRounds && { maxRounds }) }))).error?.message;
    expect(await error(() => ({ morePrompts: 1 }), 2)).toContain('train: dapo asked for more completions after 9 at step 0, expected targets after maxRounds, 2'); // prettier-ignore
    expect(await error((all) => all.map(() => undefined))).toContain('dropped all 6 completions');
    expect(await error(() => [])).toContain('gave 0 targets, expected 6');
    expect(await error(() => ({ morePrompts: 9 }))).toContain('morePrompts is 9, expected an integer from 1 to 4'); // prettier-ignore
  });
});

describe('one completion, or one token, in a step', () => {
  it.each([
    ['ppo', ppo({ epochs: 1 })],
    ['reinforce', reinforce()],
  ])('does not end a run of %s', async (_, algorithm) => {
    const policy = tablePolicy(4, 1);
    const { records, error } = await run(algorithm, { promptsPerStep: 1, policy });
    expect(error).toBeUndefined();
    expect(records.map(({ completions }) => completions[0]!.advantages)).toEqual([[0], [0]]);
  });
});

describe('metrics', () => {
  it.each([
    ['ppo', ppo({ groupSize: 2, epochs: 3, minibatchSize: 2 })],
    ['rloo', rloo({ groupSize: 4, epochs: 3 })],
    ['grpo', grpo({ groupSize: 4 })],
  ])('of %s are of the policy that sampled', async (_, algorithm) => {
    const { records } = await run(algorithm, { steps: 1 });
    const { metrics, completions } = records[0]!;
    const old = logSoftmax(start);
    const tokens = completions.flatMap((completion) => completion.tokens);
    const mean = tokens.reduce((sum, token) => sum + old[token]!, 0) / tokens.length;
    expect(metrics.entropy).toBeCloseTo(-old.reduce((sum, lp) => sum + Math.exp(lp) * lp, 0), 5);
    expect(metrics.logProbMean).toBeCloseTo(mean, 5);
    const ref = logSoftmax([0, 0.4, -0.2, 0.3]);
    const kl = tokens.map((t) => Math.exp(ref[t]! - old[t]!) - 1 - (ref[t]! - old[t]!));
    expect(metrics['klRef']).toBeCloseTo(kl.reduce((a, b) => a + b, 0) / tokens.length, 5);
  });

  it('of rloo: klOld is per token, ratios are of completions', () => {
    const row = (numbers: number[][]): tf.Tensor2D => tf.tensor2d(numbers);
    const { klOld, ratioMean } = tf.tidy(() => {
      const { metrics } = rloo({ clipRange: 0.5 }).loss({
        mask: tf.cast(row([[1, 0, 0], [1, 1, 1]]), 'bool'), // prettier-ignore
        logProbs: row([[-0.9, 0, 0], [-1, -1.2, -1.4]]), // prettier-ignore
        oldLogProbs: row([[-1, 0, 0], [-1.1, -1.3, -1.5]]), // prettier-ignore
        advantages: row([[1, 0, 0], [-1, -1, -1]]), // prettier-ignore
        entropy: tf.zeros([2, 3]),
      });
      return Object.fromEntries(Object.entries(metrics).map(([k, t]) => [k, t.dataSync()[0]!]));
    });
    expect(klOld).toBeCloseTo(Math.exp(0.1) - 1 - 0.1, 5);
    expect(ratioMean).toBeCloseTo((Math.exp(0.1) + Math.exp(0.3)) / 2, 5);
  });
});

describe('rewards', () => {
  it('of a batch and per token are the same as one by one; ppo pays each where it was earned', async () => {
    const algorithm = ppo({ groupSize: 2, gaeLambda: 0, normalize: (a) => [...a] });
    const plain = await run(algorithm, { reward: ({ tokens }) => tokens.map((t) => t) });
    const batch = await run(algorithm, { reward: { batch: (all) => all.map((c) => c.tokens) } });
    expect(batch.tables).toEqual(plain.tables);
    const { reward, tokens } = plain.records[0]!.completions[0]!;
    expect(reward).toBe(tokens.reduce((a, b) => a + b, 0));
    const rollout = { reward: 5, rewards: [2, 3], oldLogProbs: [-1, -1], values: [0, 0] };
    expect(algorithm.prepare([rollout])).toEqual([{ advantages: [2, 3], returns: [2, 3] }]);
  });

  it('are awaited as many at a time as said, and not longer; the error names the sample', async () => {
    let [now, most] = [0, 0];
    const reward = async (): Promise<number> => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      now -= 1;
      return most / 4;
    };
    await run(rloo(), { reward, rewardConcurrency: 3, steps: 1 });
    expect(most).toBe(3);
    const never = () => new Promise<number>(() => {});
    const { error } = await run(rloo(), { reward: never, rewardTimeout: 20 });
    expect(error?.message).toMatch(/^train: reward threw at step 0, prompt \d .*: no answer for 20 ms/); // prettier-ignore
  });
});

it('prepare that gives nothing is refused by name', async () => {
  const nothing = { ...rloo(), prepare: () => undefined as never };
  const { error } = await run(nothing, { reward: () => 1, steps: 1 });
  expect(error?.message).toContain('train: algorithm.prepare gave undefined, expected a list');
});

describe('a signal', () => {
  it('ends a run within a step, with its reason; timers fire meanwhile', async () => {
    const params = prefixParams(6);
    const controller = new AbortController();
    const reason = new Error('enough');
    let [seen, late] = [0, 0];
    const policy = prefixPolicy(6);
    let last: StepRecord | undefined;
    const before = tf.memory().numTensors;
    const iterate = async (): Promise<void> => {
      for await (const record of train({
        ...{ policy, params, prompts: ['a', 'b'], steps: 100_000, seed: 1, promptsPerStep: 2 },
        ...{ algorithm: ppo({ epochs: 4 }), optimizer: sgd({ learningRate: 1e-4 }) },
        reward: () => 1,
        signal: controller.signal,
      })) {
        // A timer like any other: it fires only if steps let it.
        if (seen === 1) setTimeout(() => controller.abort(reason), 20);
        seen += 1;
        late += controller.signal.aborted ? 1 : 0;
        last = record;
      }
    };
    await expect(iterate()).rejects.toBe(reason);
    expect(seen).toBeGreaterThan(0);
    expect(late).toBeLessThan(2);
    disposeState(last!.state, params);
    expect(tf.memory().numTensors).toBe(before);
    disposeParams(params);
  });

  it('ends a reward that never answers, and reaches the policy', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    const { signal } = controller;
    const { error } = await run(rloo(), { reward: () => new Promise(() => {}), signal });
    expect(error).toBe(signal.reason);
  });
});

it('keepUpdate gives what a step added', async () => {
  const { updates, tables } = await run(rloo(), { keepUpdate: true });
  [start, ...tables]
    .slice(0, 2)
    .forEach((table, step) =>
      table.forEach((x, v) => expect(x + updates[step]![v]!).toBeCloseTo(tables[step]![v]!, 6)),
    );
});
