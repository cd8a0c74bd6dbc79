import { disposeParams, sgd } from '@cfrl/engine';
import { confidence, effectiveRank, mean, meanCosine, tokenEntropy } from '@cfrl/metrics';
import { CLASSIFIER, addLora, forward, generate, isLora, promptTokens } from '@cfrl/model';
import { attributeEntropyChange, decompose, entropyChange, toSamples } from '@cfrl/ntk';
import {
  type RecipeOptions,
  type Task,
  cfrl,
  disposeLoopState,
  languageModelPolicy,
  probe,
  splitModel,
  standardRl,
  warmStart,
} from '@cfrl/recipes';
import { disposeState, grpo, perSequence, perToken, reinforce, sequenceSum, train } from '@cfrl/rl';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { task, tinyModel } from './support/model.js';

const small = { prompts: 3, groupSize: 2, kernelContexts: 0 } as const;
/** Of every completion the prompt's tokens and one with a stop, so that completions differ in length. */
const stopping: Task = { ...task, maxNewTokens: 3, stopTokens: [0, 1, 2] };

const messageOf = async (call: () => unknown): Promise<string> => {
  try {
    await call();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
};

describe('probe', () => {
  it('reads each completion once, and says what a pass for each beginning says, in any batches', async () => {
    const model = tinyModel(2);
    const { row } = await probe(model, stopping, 1, small);
    const { row: batched } = await probe(model, stopping, 1, { ...small, maxBytes: 1 });
    for (const key of ['confidence', 'entropy', 'featureCosine', 'effectiveRank'] as const) {
      expect(batched[key]).toBeCloseTo(row[key], 5);
    }
    // The same completions, and a forward pass for each beginning by itself.
    const { fold } = await import('@cfrl/engine');
    const prompts = stopping.heldOut.slice(0, 3).map(({ prompt }) => prompt);
    const completions = await generate(model, prompts, {
      ...{ maxNewTokens: 3, stopTokens: [0, 1, 2], groupSize: 2, seed: fold(1, 'probe') },
    });
    expect(new Set(completions.map(({ tokens }) => tokens.length)).size).toBeGreaterThan(1);
    const rows = completions.flatMap((each) =>
      each.tokens.map((_, t) =>
        tf.tidy(() => {
          const context = [...each.promptTokens, ...each.tokens.slice(0, t)];
          const tokens = tf.tensor2d([context], undefined, 'int32');
          const { logits, features } = forward(model.params, model.config, { tokens });
          const last = (x: tf.Tensor3D) => (x.arraySync() as number[][][])[0]!.at(-1)!;
          return { logits: last(logits), features: last(features) };
        }),
      ),
    );
    const features = rows.map((each) => each.features);
    const wanted = {
      confidence: mean(rows.map(({ logits }) => confidence(logits))),
      entropy: mean(rows.map(({ logits }) => tokenEntropy(logits))),
      featureCosine: meanCosine(features),
      effectiveRank: effectiveRank(features),
      featureNorm: mean(features.map((row) => Math.hypot(...row))),
    };
    for (const [key, value] of Object.entries(wanted)) {
      expect(row[key as keyof typeof wanted], key).toBeCloseTo(value, 4);
    }
    disposeParams(model.params);
  });

  it('measures the kernel between different contexts, over the parameters that are asked for', async () => {
    const model = tinyModel(2);
    const select = (name: string) => name === CLASSIFIER || name.includes('mlp');
    const options = { ...small, kernelContexts: 3, select };
    const { row } = await probe(model, task, 1, options);
    tf.tidy(() => {
      const contexts = task.heldOut.slice(0, 3).map(({ prompt }) => promptTokens(model, prompt));
      const norms = decompose(splitModel(model), contexts, undefined, { select });
      const pairs = (norm: tf.Tensor2D): number[] => {
        const rows = norm.arraySync();
        return [rows[0]![1]!, rows[0]![2]!, rows[1]![2]!];
      };
      const diagonal = (norm: tf.Tensor2D) => mean(norm.arraySync().map((each, i) => each[i]!));
      for (const key of ['representationNorm', 'gradientNorm'] as const) {
        expectClose([row[key]!], [mean(pairs(norms[key]))]);
        // The diagonal is something else by far, so that taking it would be seen.
        expect(diagonal(norms[key]) / mean(pairs(norms[key]))).toBeGreaterThan(1.05);
      }
    });
    const { row: without } = await probe(model, task, 1, small);
    expect(without).not.toHaveProperty('gradientNorm');
    expect(without).not.toHaveProperty('representationNorm');
    disposeParams(model.params);
  });

  it('waits for a reward, asks with tokens as with text, and ends with a signal', async () => {
    const model = tinyModel(2);
    const { row } = await probe(model, task, 1, small);
    const waiting: Task = { ...task, reward: async (text, prompt) => task.reward(text, prompt) };
    expect((await probe(model, waiting, 1, small)).row).toEqual(row);
    const heldOut = task.heldOut.map((each) => ({
      ...each,
      prompt: promptTokens(model, each.prompt),
    }));
    expect((await probe(model, { ...task, heldOut }, 1, small)).row).toEqual(row);
    const tensors = tf.memory().numTensors;
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 0);
    const signal = controller.signal;
    const long = { ...small, prompts: 20, groupSize: 8, maxBytes: 1, signal };
    expect(await messageOf(() => probe(model, task, 1, long))).toBe('enough');
    expect(tf.memory().numTensors).toBe(tensors);
    disposeParams(model.params);
  });
});

describe('from a step to its explanation', () => {
  it.each([
    ['sequenceSum', sequenceSum],
    ['perToken', perToken],
    ['perSequence', perSequence],
  ])(
    'a recorded step of plain gradient ascent is what the kernel says of it, through R and G (%s)',
    async (_, reduce) => {
      const model = tinyModel(3);
      const learningRate = 0.02;
      const run = train({
        policy: languageModelPolicy(model, { maxNewTokens: 3, stopTokens: [0, 1, 2] }),
        params: model.params,
        algorithm: reinforce({ groupSize: 3, reduce }),
        prompts: task.train,
        reward: ({ text }) => text.length + (text.startsWith('5') ? 1 : 0),
        optimizer: sgd({ learningRate }),
        ...{ steps: 1, seed: 2, promptsPerStep: 2 },
      });
      for await (const record of run) {
        const lengths = record.completions.map(({ tokens }) => tokens.length);
        expect(new Set(lengths).size).toBeGreaterThan(1); // reductions differ
        const contexts = task.heldOut.slice(0, 3).map(({ prompt }) => promptTokens(model, prompt));
        const split = splitModel(model);
        const change = entropyChange(split, record.state.params, contexts);
        const step = toSamples(record, { learningRate, reduce });
        const { byComponent } = attributeEntropyChange(split, contexts, step);
        expect(change.classifier / mean(byComponent.representation!)).toBeCloseTo(1, 2);
        expect(change.body / mean(byComponent.gradient!)).toBeCloseTo(1, 2);
        disposeState(record.state, model.params);
      }
      disposeParams(model.params);
    },
  );
});

describe('recipes on adapters', () => {
  it('train a head that is saved whole, as modules_to_save of PEFT, in stage 1', async () => {
    const base = tinyModel(1);
    const options = { rank: 2, targets: ['q_proj'], wholeModules: ['lm_head'] };
    const model = addLora(base, options, 0);
    const shared = { task, algorithm: grpo({ groupSize: 4 }), seed: 5, promptsPerStep: 4 };
    let last: Parameters<typeof disposeLoopState>[0] | undefined;
    const moved: Record<string, string[]> = {};
    for await (const { row, state } of cfrl({
      ...{ ...shared, model, tokenBudget: 96, probeEvery: 1, classifierShare: 0.3, probe: small },
    })) {
      last = state;
      const differs = (name: string) =>
        state.params[name]!.dataSync().join() !== model.params[name]!.dataSync().join();
      if (row) moved[row.stage] = Object.keys(model.params).filter(differs).sort();
    }
    expect(moved['classifier']).toEqual(['lm_head.weight']);
    expect(moved['all']).toContain('lm_head.weight');
    expect(moved['all']!.some((name) => name.includes('q_proj.lora_B'))).toBe(true);
    expect(moved['all']!.every((name) => name === 'lm_head.weight' || isLora(name))).toBe(true);
    disposeLoopState(last!, model.params);
    [base, model].forEach(({ params }) => disposeParams(params));
  });

  it('train the head’s adapter in stage 1 and all of them in stage 2, and nothing else', async () => {
    const base = tinyModel(1);
    const model = addLora(base, { rank: 2, targets: ['lm_head', 'q_proj'] }, 0);
    const moved: Record<string, string[]> = {};
    let last: Parameters<typeof disposeLoopState>[0] | undefined;
    const shared = { task, algorithm: grpo({ groupSize: 4 }), seed: 5, promptsPerStep: 4 };
    const run = cfrl({
      ...{ ...shared, model, tokenBudget: 96, probeEvery: 1, classifierShare: 0.3, probe: small },
    });
    for await (const { row, probed, state } of run) {
      last = state;
      if (!row) continue;
      const differs = (name: string) =>
        state.params[name]!.dataSync().join() !== model.params[name]!.dataSync().join();
      moved[row.stage] = Object.keys(model.params).filter(differs).sort();
      const { predictedEntropyChange, measuredEntropyChange, entropyChangeBody } = probed!.row;
      if (row.stage === 'classifier') expect(entropyChangeBody).toBe(0);
      expect(predictedEntropyChange! / measuredEntropyChange!).toBeCloseTo(1, 0);
    }
    // B starts at 0, so A has no gradient before B has moved.
    expect(moved['classifier']).toEqual(['lm_head.lora_B.weight']);
    expect(moved['all']!.every(isLora)).toBe(true);
    expect(moved['all']!.some((name) => name.includes('q_proj'))).toBe(true);
    disposeLoopState(last!, model.params);
    const headless = addLora(base, { rank: 2, targets: ['q_proj'] }, 0);
    expect(() => cfrl({ ...shared, model: headless, tokenBudget: 96 })).toThrow(
      'cfrl: model has adapters, but none at its classifier',
    );
    [base, model, headless].forEach(({ params }) => disposeParams(params));
  });
});

describe('what recipes, probes and warm starts cannot work with', () => {
  it('is refused by name before anything is sampled', async () => {
    const model = tinyModel();
    const given: RecipeOptions = {
      ...{ model, task, algorithm: grpo({ groupSize: 2 }), seed: 0, tokenBudget: 16 },
      ...{ promptsPerStep: 2, probe: small },
    };
    const recipe = (change: object) => () => standardRl({ ...given, ...change } as never).next();
    const ofTask = (change: object) => recipe({ task: { ...task, ...change } });
    const probing = (change: object) => () => probe(model, task, 0, { ...small, ...change });
    const start = {
      model,
      task,
      optimizer: sgd({ learningRate: 1 }),
      steps: 1,
      batchSize: 2,
      seed: 0,
    };
    const warming = (change: object) => () => warmStart({ ...start, ...change } as never).next();
    const messages = await Promise.all(
      [
        ofTask({ heldOut: [] }),
        ofTask({ heldOut: undefined }),
        ofTask({ heldOut: task.heldOut.slice(0, 2) }),
        ofTask({ heldOut: [{ prompt: '', answer: '' }, ...task.heldOut] }),
        ofTask({ heldOut: [{ prompt: '1+1=1+1=', answer: '' }, ...task.heldOut] }),
        ofTask({ train: 'text' }),
        ofTask({ train: ['1+2='] }),
        ofTask({ maxNewTokens: 0 }),
        ofTask({ stopTokens: [99] }),
        ofTask({ reward: 1 }),
        ofTask({ reward: () => 'right' }),
        ofTask({ reward: async () => NaN }),
        recipe({ task: undefined }),
        recipe({ model: {} }),
        recipe({ algorithm: grpo }),
        recipe({ algorithm: undefined }),
        recipe({ seed: -1 }),
        recipe({ signal: true }),
        recipe({ learningRate: NaN }),
        recipe({ probe: { kernelContexts: 1 } }),
        recipe({ probe: { prompt: 3 } }),
        probing({ groupSize: 1 }),
        probing({ maxBytes: 0 }),
        () => probe(model, task, 0.5),
        warming({ task: { ...task, train: [] } }),
        warming({ optimizer: sgd }),
        warming({ step: 3 }),
        recipe({ from: {} }),
        recipe({ promptsPerStep: 1e6 }),
        recipe({ probe: { select: ['a'] } }),
        ofTask({ stopTokens: 3 }),
        ofTask({ maxNewTokens: 100 }),
        warming({ from: true }),
        warming({ signal: new AbortController() }),
        warming({ task: { ...task, train: [...task.train, { prompt: '1+', answer: '1' }] } }),
        warming({ task: { ...task, train: [{ prompt: '1+1=', answer: '' }] } }),
      ].map(messageOf),
    );
    expect(messages).toMatchInlineSnapshot(`
      [
        "recipe: task.heldOut is empty, expected a list of { prompt, answer }: prompts that are never trained on, which probes look at",
        "recipe: task.heldOut is undefined, expected a list of { prompt, answer }: prompts that are never trained on, which probes look at",
        "recipe: task.heldOut has 2 prompts, expected at least 3: those are what a probe looks at; give the task more, or lower probe.prompts",
        "recipe: task.heldOut[0].prompt is empty, expected at least one token",
        "recipe: task.heldOut[0].prompt has 8 tokens, expected at most 6 (maxPositions 8 - task.maxNewTokens 2)",
        "recipe: task.train is text, expected a list of { prompt, answer }",
        "recipe: task.train[0] is "1+2=", expected { prompt, answer }",
        "recipe: task.maxNewTokens is 0, expected a positive integer",
        "recipe: task.stopTokens[0] is 99, expected a token in [0, 14)",
        "recipe: task.reward is number, expected a function of a text and its prompt",
        "probe: task.reward of "91" is "right", expected a finite number",
        "probe: task.reward of "91" is NaN, expected a finite number",
        "recipe: task is undefined, expected a task as addition() gives",
        "standardRl: model has no config, expected { config, params, tokenizer } as loadPretrained gives",
        "recipe: algorithm is the function grpo, expected what a call as grpo() gives",
        "recipe: algorithm is undefined, expected what a call as grpo() gives",
        "recipe: seed is -1, expected an integer in [0, 2^53)",
        "recipe: signal is true, expected an AbortSignal; of a controller it is controller.signal",
        "standardRl: learningRate is NaN, expected a number >= 5e-324",
        "recipe: probe: kernelContexts is 1, expected an integer >= 2 (the kernel is measured between different contexts), or 0 for no kernel",
        "recipe: probe: options has "prompt", expected only prompts, groupSize, kernelContexts, select, maxBytes, maxN, samples, signal",
        "probe: groupSize is 1, expected at least 2: self-BLEU compares the completions of a prompt",
        "probe: maxBytes is 0, expected a number >= 1",
        "probe: seed is 0.5, expected an integer in [0, 2^53)",
        "warmStart: task.train is empty, expected a list of { prompt, answer }",
        "warmStart: optimizer is function, expected what a call as adamw({ learningRate }) gives",
        "warmStart: options has "step", expected only model, task, optimizer, steps, batchSize, seed, signal, from",
        "recipe: from is an object with nothing, expected a record's state: { step, sampledTokens, stage, params, optState }",
        "train: prompts has 80 entries, expected at least promptsPerStep, 1000000; a larger group size samples more from each",
        "recipe: probe: select is an array, expected a function; write (name) => [...].includes(name)",
        "recipe: task.stopTokens is 3, expected a list of tokens",
        "recipe: task.maxNewTokens is 100, expected less than 8 (maxPositions), so that a prompt has room",
        "warmStart: from is true, expected a record's state: { step, sampledTokens, stage, params, optState }",
        "warmStart: signal is an AbortController, expected an AbortSignal; of a controller it is controller.signal",
        "warmStart: an example has 3 tokens, expected 6 as the first, with 2 of the answer; give prompts and answers fixed widths",
        "warmStart: an answer of task.train has no tokens, expected at least one to learn",
      ]
    `);
    disposeParams(model.params);
  });
});
