import { adamw, cloneParams, disposeParams, type Params } from '@cfrl/engine';
import { CLASSIFIER, type LanguageModel } from '@cfrl/model';
import {
  cfrl,
  disposeLoopState,
  type RecipeOptions,
  type RecipeRecord,
  standardRl,
  warmStart,
} from '@cfrl/recipes';
import { grpo, ppo, reinforce, rloo } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { task, tinyModel } from './support/model.js';

const options = (model: LanguageModel): RecipeOptions => ({
  model,
  task,
  algorithm: grpo({ groupSize: 4 }),
  seed: 5,
  tokenBudget: 128,
  promptsPerStep: 4,
  probeEvery: 2,
  probe: { prompts: 4, groupSize: 2, kernelContexts: 2, samples: 2 },
});

/** A run to its end: its records without the state, and the last state. */
async function collect(run: AsyncGenerator<RecipeRecord>) {
  const records: Omit<RecipeRecord, 'state'>[] = [];
  let last: RecipeRecord | undefined;
  for await (const record of run) {
    last = record;
    const { state: _, ...rest } = record;
    records.push(rest);
  }
  return { records, state: last!.state };
}

const bits = (params: Params): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries(params).map(([name, tensor]) => [name, Array.from(tensor.dataSync())]),
  );

describe('cfrl', () => {
  it('leaves the body as it was, bit for bit, in stage 1, and trains everything in stage 2', async () => {
    const model = tinyModel();
    const before = bits(model.params);
    let state: RecipeRecord['state'] | undefined;
    const stages: string[] = [];
    for await (const record of cfrl({ ...options(model), classifierShare: 0.5 })) {
      ({ state } = record);
      if (record.row === undefined) continue;
      stages.push(record.row.stage);
      const now = bits(record.state.params);
      const moved = Object.keys(before).filter(
        (name) => now[name]!.join() !== before[name]!.join(),
      );
      if (record.row.stage === 'classifier') {
        expect(moved.filter((name) => name !== CLASSIFIER)).toEqual([]);
      } else {
        expect(moved.length).toBeGreaterThan(5);
      }
    }
    // 4 prompts x 4 completions x 2 tokens = 32 tokens a step: two steps of each stage.
    expect(stages).toEqual(['classifier', 'classifier', 'all', 'all']);
    expect(bits(model.params)).toEqual(before);
    disposeLoopState(state!, model.params);
    disposeParams(model.params);
  });

  it('measures before, at the boundary and at the end, and says what each probed update did', async () => {
    const model = tinyModel();
    const { records, state } = await collect(cfrl({ ...options(model), classifierShare: 0.5 }));
    const probes = records.flatMap(({ probed }) => (probed ? [probed.row] : []));
    expect(probes.map(({ step, sampledTokens }) => [step, sampledTokens])).toEqual([
      [0, 0],
      [2, 64],
      [4, 128],
    ]);
    const inStage1 = probes[1]!;
    expect(inStage1.entropyChangeBody).toBe(0); // the body did not move, so nothing came through it
    expect(Math.abs(inStage1.entropyChangeClassifier!)).toBeGreaterThan(0);
    expect(probes[2]!.entropyChangeBody).not.toBe(0);
    for (const row of probes.slice(1)) {
      const residual = Math.abs(row.attributionResidual!);
      expect(residual).toBeLessThan(0.2 * Math.abs(row.measuredEntropyChange!) + 1e-3);
    }
    expect(records.at(-1)!.done).toBe(true);
    disposeLoopState(state, model.params);
    disposeParams(model.params);
  });

  it('refuses a tied model and options that it does not know', async () => {
    const tied = tinyModel(0, { tiedEmbeddings: true });
    await expect(cfrl(options(tied)).next()).rejects.toThrow('call untie(model) first');
    disposeParams(tied.params);
    const model = tinyModel();
    expect(() => cfrl({ ...options(model), clasifierShare: 0.5 } as never)).toThrow(
      'cfrl: options has "clasifierShare"',
    );
    expect(() => cfrl({ ...options(model), classifierShare: 1.5 })).toThrow(
      'cfrl: classifierShare is 1.5, expected a number in [0, 1]',
    );
    disposeParams(model.params);
  });
});

describe('every recipe', () => {
  it.each([
    ['reinforce', reinforce({ groupSize: 4 })],
    ['rloo', rloo({ groupSize: 4 })],
    ['ppo', ppo({ groupSize: 4 })],
    ['grpo', grpo({ groupSize: 4 })],
  ])('runs with %s, gives the same numbers again, and leaks nothing', async (_, algorithm) => {
    const model = tinyModel();
    const run = async () => {
      const recipe = cfrl({ ...options(model), algorithm, classifierShare: 0.5 });
      const { records, state } = await collect(recipe);
      const result = { records, params: bits(state.params) };
      disposeLoopState(state, model.params);
      return result;
    };
    const tensors = tf.memory().numTensors;
    const first = await run();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(await run()).toEqual(first);
    disposeParams(model.params);
  });

  it('goes on from any step to the same bits', async () => {
    const model = tinyModel();
    const whole = await collect(cfrl({ ...options(model), classifierShare: 0.5 }));
    for (const stopAt of [1, 2, 3]) {
      const records: unknown[] = [];
      let from: RecipeRecord['state'] | undefined;
      for await (const { state, ...rest } of cfrl({ ...options(model), classifierShare: 0.5 })) {
        records.push(rest);
        from = state;
        if (state.step === stopAt) break;
      }
      const copy = {
        ...from!,
        params: cloneParams(from!.params),
        optState: cloneParams(from!.optState),
      };
      disposeLoopState(from!, model.params);
      const rest = await collect(cfrl({ ...options(model), classifierShare: 0.5, from: copy }));
      expect([...records, ...rest.records]).toEqual(whole.records);
      expect(bits(rest.state.params)).toEqual(bits(whole.state.params));
      disposeLoopState(rest.state, model.params);
    }
    disposeLoopState(whole.state, model.params);
    disposeParams(model.params);
  });

  it('trains alike in micro-batches', async () => {
    const model = tinyModel();
    const arms = [];
    for (const more of [{}, { microBatchSize: 3 }]) {
      const { records, state } = await collect(cfrl({ ...options(model), ...more }));
      arms.push({ records, params: bits(state.params) });
      disposeLoopState(state, model.params);
    }
    const [whole, parts] = arms as [(typeof arms)[0], (typeof arms)[0]];
    expect(parts.params).not.toEqual(whole.params);
    for (const [name, values] of Object.entries(parts.params)) {
      values.forEach((value, i) => expect(value).toBeCloseTo(whole.params[name]![i]!, 4));
    }
    const texts = ({ records }: typeof whole): string[] =>
      records.flatMap(({ completions }) => completions.map(({ text }) => text));
    expect(texts(parts)).toEqual(texts(whole));
    await expect(collect(cfrl({ ...options(model), microBatchSize: 0 }))).rejects.toThrow(
      'recipe: microBatchSize is 0, expected a positive integer',
    );
    disposeParams(model.params);
  });

  it('samples equally many tokens in both arms', async () => {
    const model = tinyModel();
    const tokens: number[] = [];
    for (const recipe of [cfrl, standardRl]) {
      const { records, state } = await collect(recipe(options(model)));
      tokens.push(records.at(-1)!.row!.sampledTokens);
      disposeLoopState(state, model.params);
    }
    expect(tokens).toEqual([128, 128]);
    disposeParams(model.params);
  });
});

describe('a run that is ended while it looks at what a step did', () => {
  it.each([
    ['between two stages', 'classifier'],
    ['at the end of all', 'all'],
  ])('leaves the last state whole, to go on to the same numbers: %s', async (_, at) => {
    const model = tinyModel();
    const common = { ...options(model), probeEvery: 1, classifierShare: 0.5 };
    const whole = await collect(cfrl(common));
    const tensors = tf.memory().numTensors;

    const controller = new AbortController();
    const seen: RecipeRecord[] = [];
    const held = new Set<unknown>(task.heldOut.map(({ prompt }) => prompt));
    const ending: typeof task = {
      ...task,
      reward: (text, prompt) => {
        if (held.has(prompt.prompt) && seen.at(-1)?.row?.stage === at) {
          controller.abort(new Error('enough'));
        }
        return task.reward(text, prompt);
      },
    };
    const run = cfrl({ ...common, task: ending, signal: controller.signal });
    const ended = async (): Promise<void> => {
      for await (const record of run) seen.push(record);
    };
    await expect(ended()).rejects.toThrow('enough');
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.length).toBeLessThan(whole.records.length);
    const { state } = seen.at(-1)!;
    expect(
      Object.values({ ...state.params, ...state.optState }).filter((t) => t.isDisposed),
    ).toEqual([]);
    const rest = await collect(cfrl({ ...common, from: state }));
    expect(rest.records).toEqual(whole.records.slice(seen.length));
    expect(bits(rest.state.params)).toEqual(bits(whole.state.params));
    disposeLoopState(rest.state, model.params);
    expect(tf.memory().numTensors).toBe(tensors);
    disposeLoopState(whole.state, model.params);
    disposeParams(model.params);
  });
});

describe('a warm start that is ended between two steps', () => {
  it('leaves the last state whole, and nothing that nobody has', async () => {
    const model = tinyModel();
    const from = { ...{ model, task, optimizer: adamw({ learningRate: 0.01 }) }, batchSize: 2 };
    const tensors = tf.memory().numTensors;
    const never = warmStart({ ...from, steps: 3, seed: 0, signal: AbortSignal.abort() });
    await expect(never.next()).rejects.toThrow('aborted');
    expect(tf.memory().numTensors).toBe(tensors);

    const controller = new AbortController();
    const run = warmStart({ ...from, steps: 3, seed: 0, signal: controller.signal });
    const { value } = await run.next();
    controller.abort(new Error('enough'));
    await expect(run.next()).rejects.toThrow('enough');
    const { state } = value!;
    expect(Object.values({ ...state.params, ...state.optState }).some((t) => t.isDisposed)).toBe(
      false,
    );
    disposeLoopState(state, model.params);
    expect(tf.memory().numTensors).toBe(tensors);
    disposeParams(model.params);
  });
});
