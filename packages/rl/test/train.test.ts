import {
  type Params,
  adamw,
  chain,
  clipByGlobalNorm,
  disposeParams,
  mapParams,
  sgd,
} from '@cfrl/engine';
import {
  type Algorithm,
  type Completion,
  type Policy,
  type StepRecord,
  type TrainOptions,
  type TrainState,
  disposeState,
  grpo,
  ppo,
  reinforce,
  rloo,
  train,
} from '@cfrl/rl';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { prefixParams, prefixPolicy } from './policies.js';

const vocabulary = 6;
const prompts = ['a', 'bc', 'd', 'cab'];
const head = 'lm_head.weight';
const body = 'embed.weight';

const reward = ({ tokens }: Completion): number => tokens.filter((token) => token === 3).length;

const options = (
  params: Params,
  more: Partial<TrainOptions<string>> = {},
): TrainOptions<string> => ({
  policy: prefixPolicy(vocabulary),
  params,
  algorithm: grpo({ groupSize: 4 }),
  prompts,
  reward,
  optimizer: adamw({ learningRate: 0.05 }),
  steps: 4,
  seed: 7,
  promptsPerStep: 3,
  ...more,
});

/** Every number of a state, exactly. */
const numbersOf = (state: TrainState): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries({ ...state.params, ...state.optState }).map(([name, tensor]) => [
      name,
      Array.from(tensor.dataSync()),
    ]),
  );

interface Seen {
  readonly record: Omit<StepRecord, 'state'>;
  readonly numbers: Record<string, number[]>;
}

/** Runs to the end; the states are read while they are lent. */
async function runAll(
  run: AsyncGenerator<StepRecord>,
): Promise<{ seen: Seen[]; last: TrainState }> {
  const seen: Seen[] = [];
  let last: TrainState | undefined;
  for await (const { state, ...record } of run) {
    seen.push({ record, numbers: numbersOf(state) });
    last = state;
  }
  return { seen, last: last! };
}

const copy = (state: TrainState): TrainState => ({
  step: state.step,
  params: mapParams(state.params, (t) => tf.tensor(t.dataSync().slice(), t.shape, 'float32')),
  optState: mapParams(state.optState, (t) => tf.tensor(t.dataSync().slice(), t.shape, 'float32')),
});

const table: [string, () => Algorithm][] = [
  ['reinforce', () => reinforce({ groupSize: 4 })],
  ['rloo, two epochs', () => rloo({ groupSize: 4, epochs: 2 })],
  ['ppo, minibatches', () => ppo({ groupSize: 4, epochs: 2, minibatchSize: 4 })],
  ['grpo', () => grpo({ groupSize: 4 })],
];

describe.each(table)('train with %s', (_, algorithm) => {
  it('gives the same bits for the same seed, and others for another', async () => {
    const params = prefixParams(vocabulary);
    const once = await runAll(train(options(params, { algorithm: algorithm() })));
    const twice = await runAll(train(options(params, { algorithm: algorithm() })));
    const other = await runAll(train(options(params, { algorithm: algorithm(), seed: 8 })));
    expect(twice.seen).toEqual(once.seen);
    expect(other.seen[0]!.numbers).not.toEqual(once.seen[0]!.numbers);
    expect(once.seen.map(({ record }) => record.step)).toEqual([0, 1, 2, 3]);
    [once, twice, other].forEach(({ last }) => disposeState(last, params));
    disposeParams(params);
  });

  it('continues from a saved state with the same bits as without the interruption', async () => {
    const params = prefixParams(vocabulary);
    const whole = await runAll(train(options(params, { algorithm: algorithm(), steps: 5 })));
    let saved: TrainState | undefined;
    for await (const { state } of train(options(params, { algorithm: algorithm(), steps: 5 }))) {
      if (state.step < 2) continue;
      saved = copy(state);
      disposeState(state, params);
      break;
    }
    const other = prefixParams(vocabulary, 99); // replaced by the saved ones
    const rest = await runAll(
      train(options(other, { algorithm: algorithm(), steps: 5, from: saved! })),
    );
    expect(rest.seen).toEqual(whole.seen.slice(2));
    expect(saved!.params[head]!.isDisposed).toBe(false);
    disposeState(rest.last, saved!.params, saved!.optState);
    disposeState(saved!);
    disposeState(whole.last, params);
    disposeParams(params);
    disposeParams(other);
  });

  it('raises the reward over 50 steps, and leaks nothing', async () => {
    const params = prefixParams(vocabulary);
    const refParams = prefixParams(vocabulary, 5);
    const counts: number[] = [];
    const rewards: number[] = [];
    let last: TrainState | undefined;
    const more = { algorithm: algorithm(), steps: 50, refParams };
    for await (const { state, metrics } of train(options(params, more))) {
      counts.push(tf.memory().numTensors);
      rewards.push(metrics.rewardMean);
      last = state;
    }
    expect(counts).toEqual(new Array(50).fill(counts[0]));
    const mean = (xs: number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
    expect(mean(rewards.slice(-5))).toBeGreaterThan(mean(rewards.slice(0, 5)) + 1);
    disposeState(last!, params);
    disposeParams(params);
    disposeParams(refParams);
  });
});

describe('train', () => {
  it('trains the classifier alone and leaves the body as it was, the same tensor', async () => {
    const params = prefixParams(vocabulary);
    const before = Array.from(params[body]!.dataSync());
    const trainable = (name: string): boolean => name === head;
    for (const algorithm of [grpo({ groupSize: 4 }), ppo({ groupSize: 4 })]) {
      const { seen, last } = await runAll(train(options(params, { trainable, algorithm })));
      expect(last.params[body]).toBe(params[body]);
      expect(Array.from(last.params[body]!.dataSync())).toEqual(before);
      expect(last.params[head]!.dataSync()).not.toEqual(params[head]!.dataSync());
      expect(Object.keys(last.optState).some((name) => name.includes(body))).toBe(false);
      expect(Object.keys(last.optState)).toContain(`m/${head}`);
      expect(seen).toHaveLength(4);
      disposeState(last, params);
    }
    disposeParams(params);
  });

  it('gives a policy that is cut at its classifier the same training', async () => {
    for (const trainable of [(name: string) => name === head, () => true]) {
      for (const algorithm of [grpo({ groupSize: 4 }), ppo({ groupSize: 4 })]) {
        const params = prefixParams(vocabulary);
        const shared = { trainable, algorithm };
        const whole = await runAll(train(options(params, shared)));
        const policy = prefixPolicy(vocabulary, { cut: true });
        const cut = await runAll(train(options(params, { ...shared, policy })));
        for (const [i, { numbers }] of cut.seen.entries()) {
          for (const [name, values] of Object.entries(numbers)) {
            const expected = whole.seen[i]!.numbers[name]!;
            values.forEach((x, j) => expect(x).toBeCloseTo(expected[j]!, 4));
          }
        }
        expect(policy.calls.forward).toBe(0);
        expect(policy.calls.features).toBeGreaterThan(0);
        disposeState(whole.last, params);
        disposeState(cut.last, params);
        disposeParams(params);
      }
    }
  });

  it.each(table)(
    'in micro-batches gives the same training, a few rows at a time (%s)',
    async (_, algorithm) => {
      for (const cut of [false, true]) {
        for (const trainable of [(name: string) => name === head, () => true]) {
          const params = prefixParams(vocabulary);
          const shared = { trainable, algorithm: algorithm(), refParams: params };
          const whole = await runAll(
            train(options(params, { ...shared, policy: prefixPolicy(vocabulary, { cut }) })),
          );
          const rows: number[] = [];
          const plain = prefixPolicy(vocabulary, { cut });
          const note = (tokens: tf.Tensor): number => rows.push(tokens.shape[0]!);
          const policy: Policy = {
            ...plain,
            forward: (p, batch) => (note(batch.tokens), plain.forward(p, batch)),
            ...(plain.classifier && {
              classifier: {
                ...plain.classifier,
                logits: (p, inputs) => plain.classifier!.logits(p, inputs),
                features: (p, batch) => (note(batch.tokens), plain.classifier!.features(p, batch)),
              },
            }),
          };
          const parts = await runAll(
            train(options(params, { ...shared, policy, microBatchSize: 3 })),
          );
          for (const [i, { numbers, record }] of parts.seen.entries()) {
            for (const [name, values] of Object.entries(numbers)) {
              const expected = whole.seen[i]!.numbers[name]!;
              values.forEach((x, j) => expect(x).toBeCloseTo(expected[j]!, 4));
            }
            expect(Object.keys(record.metrics)).toEqual(Object.keys(whole.seen[i]!.record.metrics));
          }
          // Features of a frozen body need no gradient: nothing of them is held but the result.
          const bodyFrozen = cut && trainable('embed.weight') === false;
          if (!bodyFrozen) expect(Math.max(...rows)).toBe(3);
          disposeState(whole.last, params);
          disposeState(parts.last, params);
          disposeParams(params);
        }
      }
    },
  );

  it('keeps the body off the tape when only the classifier of a cut policy is trained', async () => {
    const params = prefixParams(vocabulary);
    const onTape = async (trainable: (name: string) => boolean): Promise<number> => {
      const policy = prefixPolicy(vocabulary, { cut: true });
      const { last } = await runAll(train(options(params, { policy, trainable, compile: false })));
      disposeState(last, params);
      return policy.calls.onTape;
    };
    expect(await onTape((name) => name === head)).toBe(0);
    expect(await onTape(() => true)).toBe(4);
    disposeParams(params);
  });

  it('trains the value head also where the classifier alone is chosen, and goes on with a given one', async () => {
    const params = prefixParams(vocabulary);
    const more = { algorithm: ppo(), trainable: (name: string) => name === head };
    const first = await runAll(train(options(params, more)));
    const weights = first.seen.map(({ numbers }) => numbers['value_head.weight']!.join());
    expect(new Set(weights).size).toBe(4);
    // A new run on the old one's parameters: the head's first numbers are the old one's last.
    const frozen = { ...more, optimizer: sgd({ learningRate: 1e-12 }), steps: 1 };
    const second = await runAll(train(options(first.last.params, frozen)));
    expect(second.seen[0]!.numbers['value_head.weight']!.join()).toBe(weights[3]);
    disposeState(second.last, first.last.params);
    disposeState(first.last, params);
    disposeParams(params);
  });

  it('asks for samples by seeds that do not depend on the order or the batch', async () => {
    const params = prefixParams(vocabulary);
    const policy = prefixPolicy(vocabulary);
    const oneByOne = {
      ...policy,
      sample: async (...[p, requests]: Parameters<typeof policy.sample>) => {
        const backwards: Completion[] = [];
        for (const request of [...requests].reverse()) {
          backwards.unshift(...(await policy.sample(p, [request])));
        }
        return backwards;
      },
    };
    const whole = await runAll(train(options(params)));
    const single = await runAll(train(options(params, { policy: oneByOne })));
    expect(single.seen).toEqual(whole.seen);
    disposeState(whole.last, params);
    disposeState(single.last, params);
    disposeParams(params);
  });

  it('frees the superseded state, and leaves the last one to the caller after a break', async () => {
    const params = prefixParams(vocabulary);
    const states: TrainState[] = [];
    for await (const { state } of train(options(params))) {
      states.push(state);
      if (states.length === 3) break;
    }
    const freed = states.map(({ params: p }) => [p[head]!.isDisposed, p[body]!.isDisposed]);
    expect(freed).toEqual([[true, true], [true, true], [false, false]]); // prettier-ignore
    expect(params[head]!.isDisposed || params[body]!.isDisposed).toBe(false);
    disposeState(states[2]!, params);
    expect(params[head]!.isDisposed).toBe(false);
    disposeParams(params);
  });

  it('owns nothing before the first step', async () => {
    const params = prefixParams(vocabulary);
    const before = tf.memory().numTensors;
    const run = train(options(params, { algorithm: ppo() }));
    expect(tf.memory().numTensors).toBe(before);
    await run.return();
    const from = { step: 9, params: {}, optState: sgd({ learningRate: 1 }).init(params) };
    const ended = options(params, { from, optimizer: sgd({ learningRate: 1 }) });
    for await (const record of train(ended)) expect(record).toBeUndefined();
    disposeParams(from.optState);
    expect(tf.memory().numTensors).toBe(before);
    disposeParams(params);
  });

  it('takes prompts with data, and hands them to the reward', async () => {
    const params = prefixParams(vocabulary);
    const tasks = [
      { prompt: 'a', answer: 3 },
      { prompt: 'bc', answer: 1 },
    ];
    const asked: string[] = [];
    const { prompts: _, reward: __, ...rest } = options(params);
    const run = train({
      ...rest,
      prompts: tasks,
      promptsPerStep: 2,
      reward: async ({ prompt }, task) => {
        asked.push(`${prompt} ${task.prompt} ${task.answer}`);
        return task.answer;
      },
    });
    const { seen, last } = await runAll(run);
    expect(new Set(asked)).toEqual(new Set(['a a 3', 'bc bc 1']));
    expect(seen[0]!.record.metrics.rewardMean).toBe(2);
    seen[0]!.record.completions.forEach((completion) => {
      expect(completion.prompt).toBe(tasks[completion.promptIndex]!.prompt);
      expect(completion.reward).toBe(tasks[completion.promptIndex]!.answer);
    });
    disposeState(last, params);
    disposeParams(params);
  });

  it('does not move where all rewards are equal', async () => {
    const params = prefixParams(vocabulary);
    const optimizer = sgd({ learningRate: 1 });
    for (const algorithm of [reinforce(), rloo(), grpo({ groupSize: 4, epochs: 2 })]) {
      const more = { algorithm, optimizer, reward: () => 0.1 };
      const { seen, last } = await runAll(train(options(params, more)));
      expect(seen[3]!.numbers[head]).toEqual(Array.from(params[head]!.dataSync()));
      expect(seen[3]!.record.metrics.gradNorm).toBe(0);
      disposeState(last, params);
    }
    disposeParams(params);
  });

  it('reports metrics that can be recomputed from the completions', async () => {
    const params = prefixParams(vocabulary);
    const refParams = prefixParams(vocabulary, 5);
    const { seen, last } = await runAll(train(options(params, { refParams, steps: 1 })));
    const { completions, metrics } = seen[0]!.record;
    const tokens = completions.flatMap((c) => c.tokens);
    const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
    expect(metrics.sampledTokens).toBe(tokens.length);
    expect(metrics.completionLength).toBeCloseTo(tokens.length / 12);
    expect(metrics.rewardMean).toBeCloseTo(mean(completions.map((c) => c.reward)));
    const center = metrics.rewardMean;
    const squares = completions.map((c) => (c.reward - center) ** 2);
    expect(metrics.rewardStd).toBeCloseTo(Math.sqrt((mean(squares) * 12) / 11));
    expect(metrics.logProbMean).toBeCloseTo(mean(completions.flatMap((c) => c.logProbs)), 4);
    expect(metrics.scoringGap).toBeLessThan(1e-5);

    // Entropy and divergence by their definitions, from an independent forward pass a prefix.
    const policy = prefixPolicy(vocabulary);
    const at = (p: Params, prefix: readonly number[]): number[] =>
      tf.tidy(() => {
        const x = tf.tensor2d([[...prefix]], undefined, 'int32');
        const { logits } = policy.forward(p, { tokens: x, attentionMask: tf.onesLike(x) });
        return Array.from(tf.logSoftmax(logits).dataSync()).slice(-vocabulary);
      });
    const perToken = completions.flatMap(({ promptTokens, tokens: ys }) =>
      ys.map((y, t) => {
        const prefix = [...promptTokens, ...ys.slice(0, t)];
        const [now, ref] = [at(params, prefix), at(refParams, prefix)];
        const ratio = Math.exp(ref[y]! - now[y]!);
        return {
          entropy: -now.reduce((sum, lp) => sum + Math.exp(lp) * lp, 0),
          kl: ratio - 1 - Math.log(ratio),
        };
      }),
    );
    expect(metrics.entropy).toBeCloseTo(mean(perToken.map((x) => x.entropy)), 4);
    expect(metrics['klRef']).toBeCloseTo(mean(perToken.map((x) => x.kl)), 3);
    disposeState(last, params);
    disposeParams(params);
    disposeParams(refParams);
  });

  it('reports a sampler that is not the policy it scores', async () => {
    const params = prefixParams(vocabulary);
    const policy = prefixPolicy(vocabulary);
    const warm = {
      ...policy,
      sample: async (...[p, requests]: Parameters<typeof policy.sample>) => {
        const completions = await policy.sample(p, requests);
        return completions.map((c, i) =>
          i === 0 ? { ...c, logProbs: c.logProbs.map((lp) => lp - 0.25) } : c,
        );
      },
    };
    for (const epochs of [1, 2]) {
      const algorithm = grpo({ groupSize: 4, epochs });
      const more = { policy: warm, algorithm, steps: 1 };
      const { seen, last } = await runAll(train(options(params, more)));
      expect(seen[0]!.record.metrics.scoringGap).toBeCloseTo(0.25, 4);
      disposeState(last, params);
    }
    disposeParams(params);
  });

  it('scores again what the sampler scored, where a step has several updates', async () => {
    const params = prefixParams(vocabulary);
    const policy = prefixPolicy(vocabulary);
    const vague = {
      ...policy,
      sample: async (...args: Parameters<typeof policy.sample>) =>
        (await policy.sample(...args)).map((c) => ({ ...c, logProbs: c.logProbs.map(() => -9) })),
    };
    const algorithm = grpo({ groupSize: 4, epochs: 2 });
    const exact = await runAll(train(options(params, { algorithm })));
    const rough = await runAll(train(options(params, { algorithm, policy: vague })));
    expect(rough.seen.map(({ numbers }) => numbers)).toEqual(
      exact.seen.map(({ numbers }) => numbers),
    );
    disposeState(exact.last, params);
    disposeState(rough.last, params);
    disposeParams(params);
  });

  it('does not depend on the token that it pads with', async () => {
    const params = prefixParams(vocabulary);
    const algorithm = ppo({ groupSize: 4, entropyCoef: 0.01 });
    const padded = { ...prefixPolicy(vocabulary), padToken: 5 };
    const one = await runAll(train(options(params, { algorithm })));
    const other = await runAll(train(options(params, { algorithm, policy: padded })));
    expect(other.seen).toEqual(one.seen);
    disposeState(one.last, params);
    disposeState(other.last, params);
    disposeParams(params);
  });

  it('works with a chain of transformations, whose states may share tensors', async () => {
    const params = prefixParams(vocabulary);
    const remember = {
      init: (p: Params) => ({ ...mapParams(p, (t) => tf.zerosLike(t)), constant: tf.scalar(1) }),
      update: (grads: Params, state: Params) => ({
        updates: grads,
        state: { ...grads, constant: state['constant']! },
      }),
    };
    const optimizer = chain(remember, clipByGlobalNorm(0.1), sgd({ learningRate: 1 }));
    const { seen, last } = await runAll(train(options(params, { optimizer })));
    expect(seen.map(({ numbers }) => numbers['0/constant'])).toEqual([[1], [1], [1], [1]]);
    disposeState(last, params);
    disposeParams(params);
  });
});

describe('compile', () => {
  const algorithms = { grpo: () => grpo({ groupSize: 2 }), ppo: () => ppo({ groupSize: 2 }) };

  it.each([
    ['grpo', true],
    ['ppo', true],
    ['grpo', 'xla'],
  ] as const)(
    '%s, %s: changes nothing but the rounding, and asks the policy less',
    async (name, mode) => {
      const params = prefixParams(vocabulary);
      const run = async (compile: boolean | 'xla') => {
        const policy = { ...prefixPolicy(vocabulary, { cut: true }), maxPositions: 64 };
        const algorithm = algorithms[name]();
        const { last, seen } = await runAll(train(options(params, { policy, algorithm, compile })));
        disposeState(last, params);
        return { seen, calls: policy.calls.onTape };
      };
      const [eager, compiled] = [await run(false), await run(mode)];
      expect(compiled.seen.length).toBe(eager.seen.length);
      compiled.seen.forEach(({ numbers }, i) => {
        for (const [param, values] of Object.entries(numbers)) {
          expectClose(Array.from(values), Array.from(eager.seen[i]!.numbers[param]!), {
            atol: 1e-5,
          });
        }
      });
      if (tf.getBackend() === 'tensorflow') expect(compiled.calls).toBe(1);
      else expect(compiled.calls).toBe(eager.calls);
      disposeParams(params);
    },
  );
});
