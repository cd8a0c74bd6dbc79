import {
  type GenerateOptions,
  type LanguageModel,
  charTokenizer,
  generate,
  initParams,
  minP,
  modelConfig,
  noRepeatNgrams,
  repetitionPenalty,
  resolveGeneration,
  typicalP,
  untie,
} from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const tokenizer = charTokenizer('abcdefghij');
const config = modelConfig({
  ...{ architecture: 'gpt2', vocabSize: 12, hiddenSize: 16, layers: 1, heads: 2 },
  ...{ maxPositions: 48, initializerRange: 0.4 },
});
let base: LanguageModel;
beforeAll(() => {
  base = { config, params: initParams(config, 1), tokenizer };
});
afterAll(() => tf.dispose(base.params as Record<string, tf.Tensor>));

const withConfig = (generationConfig: Record<string, unknown>): LanguageModel => ({
  ...base,
  generationConfig,
});
const run = async (model: LanguageModel, options: Partial<GenerateOptions> = {}) =>
  generate(model, ['ab', 'c'], { maxNewTokens: 30, groupSize: 10, ...options });

describe('the end of a turn', () => {
  it.each([
    [{ eos_token_id: [0, 3] }, [0, 3]],
    [{ eos_token_id: 4 }, [4]],
    [{ eos_token_id: null }, [11]],
    [{ eos_token_id: [5, 5, 4096] }, [5]],
    [{ eos_token_id: [] }, []],
    [{}, [11]],
  ] as const)('of %j is at %j', async (generationConfig, stopTokens) => {
    const model = withConfig(generationConfig);
    expect(resolveGeneration(model).stopTokens).toEqual(stopTokens);
    const all = await run(model);
    expect(all).toEqual(await run(base, { stopTokens }));
    for (const { tokens, finishReason } of all) {
      const stops = stopTokens as readonly number[];
      expect(tokens.slice(0, -1).some((token) => stops.includes(token))).toBe(false);
      expect(finishReason).toBe(stops.includes(tokens.at(-1)!) ? 'stop' : 'length');
    }
  });

  it('is what options say, if they say it', async () => {
    const model = withConfig({ eos_token_id: [0, 3] });
    expect(resolveGeneration(model, { stopTokens: [7] }).stopTokens).toEqual([7]);
    expect(await run(model, { stopTokens: [7] })).toEqual(await run(base, { stopTokens: [7] }));
  });

  it('comes with a model from its folder, and stays with what is made of the model', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cfrl-'));
    try {
      await savePretrained(folder, withConfig({ eos_token_id: [0, 3], temperature: 0.5 }));
      const loaded = await loadPretrained(folder);
      const untied = untie(loaded);
      expect(resolveGeneration(untied).stopTokens).toEqual([0, 3]);
      expect((await run(loaded)).map(({ tokens }) => tokens)).toEqual(
        (await run(base, { stopTokens: [0, 3] })).map(({ tokens }) => tokens),
      );
      tf.dispose([loaded.params, untied.params] as unknown as tf.TensorContainer);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("generationDefaults: 'model'", () => {
  it("takes the numbers of transformers' config, and its defaults where there are none", () => {
    const of = (generationConfig: Record<string, unknown>, options = {}) => {
      const model = withConfig(generationConfig);
      return resolveGeneration(model, { generationDefaults: 'model', ...options });
    };
    // Greedy if sampling is not asked for; of the 50 most probable tokens.
    expect(of({})).toMatchObject({ temperature: 0, topK: 50, topP: 1 });
    expect(of({ do_sample: false, temperature: 0.3 })).toMatchObject({ temperature: 0 });
    expect(of({ do_sample: true, temperature: 0.3, top_k: 0, top_p: 0.8 })).toMatchObject({
      ...{ temperature: 0.3, topK: 12, topP: 0.8 },
    });
    expect(of({ do_sample: true, top_k: 7, min_p: 0.1, typical_p: 0.9 })).toMatchObject({
      ...{ temperature: 1, topK: 7, minP: 0.1, typicalP: 0.9 },
    });
    expect(of({ do_sample: true, temperature: 0.3 }, { temperature: 2, topP: 0.5 })).toMatchObject({
      ...{ temperature: 2, topP: 0.5 },
    });
    expect(
      of({ stop_strings: 'ab', num_beams: 1, min_length: 0, suppress_tokens: null }),
    ).toMatchObject({
      stopStrings: ['ab'],
    });
    // Without being asked, nothing of it is taken.
    expect(resolveGeneration(withConfig({ temperature: 0.3, top_k: 3 }))).toMatchObject({
      ...{ temperature: 1, topK: 12, topP: 1 },
    });
  });

  it('draws as the same options do', async () => {
    const asked = { generationDefaults: 'model' } as const;
    for (const compile of [false, true]) {
      const sampled = withConfig({ do_sample: true, temperature: 0.6, top_k: 4, top_p: 0.9 });
      expect(await run(sampled, { ...asked, compile })).toEqual(
        await run(base, { temperature: 0.6, topK: 4, topP: 0.9, compile }),
      );
      expect(await run(withConfig({ eos_token_id: 1 }), { ...asked, compile })).toEqual(
        await run(base, { temperature: 0, stopTokens: [1], compile }),
      );
      const more = {
        repetition_penalty: 1.3,
        no_repeat_ngram_size: 3,
        min_p: 0.05,
        typical_p: 0.95,
      };
      expect(
        await run(withConfig({ do_sample: true, top_k: 0, ...more }), { ...asked, compile }),
      ).toEqual(
        await run(base, {
          processors: [repetitionPenalty(1.3), noRepeatNgrams(3), minP(0.05), typicalP(0.95)],
          compile,
        }),
      );
    }
  });

  it.each([
    [
      { num_beams: 4 },
      'generate: model.generationConfig.num_beams is 4, expected none: generate does not do that',
    ],
    [
      { temperature: 'hot', do_sample: true },
      'generate: model.generationConfig.temperature is "hot", expected a number above 0',
    ],
    [
      { temperature: 0, do_sample: true },
      'temperature is 0, expected a number above 0; set do_sample to false for the most probable tokens',
    ],
    [
      { do_sample: 'yes' },
      'generate: model.generationConfig.do_sample is "yes", expected true or false',
    ],
    [{ top_k: 1.5 }, 'generate: model.generationConfig.top_k is 1.5, expected an integer'],
    [
      { top_p: 2 },
      'generate: model.generationConfig.top_p is 2, expected a number above 0 and at most 1',
    ],
    [
      { eos_token_id: ['</s>'] },
      'generate: model.generationConfig.eos_token_id is ["</s>"], expected a token or a list of tokens',
    ],
    [
      { stop_strings: [3] },
      'generate: model.generationConfig.stop_strings is [3], expected a text or a list of texts',
    ],
  ])('refuses %j', async (generationConfig, message) => {
    await expect(
      run(withConfig(generationConfig), { generationDefaults: 'model' }),
    ).rejects.toThrow(message);
  });
});
