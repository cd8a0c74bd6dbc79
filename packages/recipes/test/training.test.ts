import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { adamw, disposeParams, matching, selectParams, type Params } from '@cfrl/engine';
import { addLora, bodyFeatures, forward, isLora, mergeLora, type LanguageModel } from '@cfrl/model';
import { loadAdapter, readSafetensors, saveAdapter, writeSafetensors } from '@cfrl/model/node';
import { languageModelPolicy } from '@cfrl/recipes';
import {
  disposeState,
  grpo,
  initValueHead,
  ppo,
  train,
  valueHead,
  type StepRecord,
} from '@cfrl/rl';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { tinyModel } from './support/model.js';

const ARCHITECTURES = ['llama', 'gpt2'] as const;
const isValueHead = (name: string): boolean => name.startsWith('value_head.');
const tokens = (): tf.Tensor2D => tf.tensor2d([1, 3, 2, 5, 0, 4], [2, 3], 'int32');

/** The state after some steps; the caller owns it. */
async function trained(
  model: LanguageModel,
  options: Partial<Parameters<typeof train<string>>[0]> & { rematerialize?: boolean } = {},
): Promise<StepRecord> {
  const { rematerialize = false, ...rest } = options;
  let last: StepRecord | undefined;
  for await (const record of train({
    policy: languageModelPolicy(model, { maxNewTokens: 2, rematerialize }),
    params: model.params,
    algorithm: grpo({ groupSize: 2 }),
    prompts: ['1+2=', '3+4='],
    reward: ({ text }) => text.length + (text.startsWith('1') ? 1 : 0),
    optimizer: adamw({ learningRate: 0.01 }),
    steps: 2,
    seed: 3,
    promptsPerStep: 2,
    ...rest,
  })) {
    last = record;
  }
  return last!;
}

const moved = (before: Params, after: Params): string[] =>
  Object.keys(after).filter(
    (name) => before[name]?.dataSync().join() !== after[name]!.dataSync().join(),
  );

describe.each(ARCHITECTURES)('post-training %s', (architecture) => {
  it('trains adapters and a value head alone, and both come back from disk', async () => {
    const base = tinyModel(1, { architecture });
    const model = addLora(base, { rank: 2, targets: () => true }, 0);
    const folder = await mkdtemp(join(tmpdir(), 'cfrl-training-'));
    try {
      const { state } = await trained(model, {
        algorithm: ppo({ groupSize: 2, epochs: 2 }),
        trainable: isLora,
      });
      expect(moved(model.params, state.params).every((n) => isLora(n) || isValueHead(n))).toBe(
        true,
      );
      // Embeddings of tokens that did not occur have no gradient; every other factor moves.
      expect(moved(model.params, state.params).filter(isValueHead).length).toBe(2);
      expect(moved(model.params, state.params).filter(isLora).length).toBeGreaterThan(8);
      expect(
        Object.keys(state.optState).filter((n) => !isLora(n) && !/value_head/.test(n)),
      ).toEqual(['step']);

      const head = selectParams(state.params, isValueHead);
      await saveAdapter(folder, { config: model.config, params: state.params });
      await writeSafetensors(join(folder, 'value_head.safetensors'), head);
      const again = await loadAdapter(folder, base);
      const { tensors } = await readSafetensors(join(folder, 'value_head.safetensors'));
      tf.tidy(() => {
        const valuesOf = (params: Params, of: Params) =>
          valueHead(of, bodyFeatures(params, again.config, { tokens: tokens() })).dataSync();
        expect(valuesOf(again.params, tensors)).toEqual(valuesOf(state.params, state.params));
      });
      [again.params, tensors].forEach(disposeParams);
      disposeState(state, model.params);
    } finally {
      await rm(folder, { recursive: true });
    }
    [base.params, model.params].forEach(disposeParams);
  });

  it('values prefixes by a linear map of the features', () => {
    const { config, params } = tinyModel(2, { architecture });
    tf.tidy(() => {
      const head = initValueHead(config.hiddenSize, 1);
      const features = bodyFeatures(params, config, { tokens: tokens() });
      expect(features.dataSync()).toEqual(
        forward(params, config, { tokens: tokens() }).features.dataSync(),
      );
      const weight = head['value_head.weight']!.dataSync();
      const expected = features
        .arraySync()
        .map((row) => row.map((phi) => phi.reduce((sum, x, i) => sum + x * weight[i]!, 0)));
      expectClose(valueHead(head, features).arraySync(), expected, { atol: 1e-5 });
    });
    disposeParams(params);
  });

  it('takes the same steps when blocks are computed again', async () => {
    const model = tinyModel(3, { architecture });
    const [kept, again] = [await trained(model), await trained(model, { rematerialize: true })];
    for (const [name, tensor] of Object.entries(kept.state.params)) {
      expectClose(again.state.params[name]!.dataSync(), tensor.dataSync(), {
        atol: 1e-4,
        rtol: 1e-3,
      });
    }
    expect(again.metrics.loss).toBeCloseTo(kept.metrics.loss, 5);
    [kept, again].forEach(({ state }) => disposeState(state, model.params));
    disposeParams(model.params);
  });

  it('freezes what globs do not select, to the bit', async () => {
    const model = tinyModel(4, { architecture });
    const trainable = matching(model.params, [
      '**.mlp.**',
      architecture === 'gpt2' ? '!**.c_proj.*' : '!**.down_proj.*',
    ]);
    const { state } = await trained(model, { trainable });
    expect(moved(model.params, state.params)).toEqual(Object.keys(model.params).filter(trainable));
    disposeState(state, model.params);
    disposeParams(model.params);
  });

  it('samples and scores alike with an adapter at the classifier, as when it is merged', async () => {
    const base = tinyModel(5, { architecture });
    const fresh = addLora(
      base,
      { rank: 1, targets: ['lm_head', '0.mlp.' + (architecture === 'gpt2' ? 'c_fc' : 'up_proj')] },
      0,
    );
    const model = {
      ...fresh,
      params: Object.fromEntries(
        Object.entries(fresh.params).map(([name, tensor]) => [
          name,
          isLora(name) ? tf.tidy(() => tf.add(tensor, 0.3)) : tf.clone(tensor),
        ]),
      ),
    };
    const record = await trained(model, { steps: 1, trainable: isLora });
    expect(record.metrics.scoringGap).toBeLessThan(1e-4);
    const merged = mergeLora(model);
    const other = await trained(merged, { steps: 1 });
    expect(other.completions.map(({ text }) => text)).toEqual(
      record.completions.map(({ text }) => text),
    );
    expect(other.metrics.logProbMean).toBeCloseTo(record.metrics.logProbMean, 4);
    disposeState(record.state, model.params);
    disposeState(other.state, merged.params);
    [base, fresh, model, merged].forEach(({ params }) => disposeParams(params));
  });
});
