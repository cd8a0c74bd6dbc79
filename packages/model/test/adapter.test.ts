import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { disposeParams, mapParams, selectParams, type Params } from '@cfrl/engine';
import {
  addLora,
  byteTokenizer,
  encodeSafetensors,
  forward,
  fromHuggingFaceConfig,
  isLora,
  mergeLora,
  modelConfig,
  type ModelConfig,
} from '@cfrl/model';
import { loadAdapter, readSafetensors, saveAdapter, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { configs, randomParams } from './arbitrary.js';
import { relativeError } from './fixture.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl-adapter-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/peft/${name}`, import.meta.url));
const FIXTURES = ['llama-some', 'llama-all', 'gpt2-linear', 'gpt2-untied'] as const;

/** The model without its adapter; the caller owns all tensors. */
async function baseOf(name: string) {
  const { tensors, metadata } = await readSafetensors(join(fixture(name), 'model.safetensors'));
  const config = fromHuggingFaceConfig(JSON.parse(metadata['config']!) as Record<string, unknown>);
  const start = 'params/';
  const params = Object.fromEntries(
    Object.entries(tensors)
      .filter(([key]) => key.startsWith(start))
      .map(([key, tensor]) => [key.slice(start.length), tensor]),
  );
  const { tokens, logits } = tensors as Record<string, tf.Tensor>;
  return { config, params, tokens: tokens as tf.Tensor2D, logits: logits! };
}

type Model = { readonly config: ModelConfig; readonly params: Params };
const logitsOf = ({ config, params }: Model, tokens: tf.Tensor2D): tf.Tensor =>
  tf.tidy(() => forward(params, config, { tokens }).logits);

describe('loadAdapter', () => {
  it.each(FIXTURES)(
    'computes what PEFT computes, beside the weights and merged: %s',
    async (name) => {
      const { tokens, logits, ...base } = await baseOf(name);
      const model = await loadAdapter(fixture(name), base);
      const merged = mergeLora(model);
      const results = [model, merged, base].map((each) => logitsOf(each, tokens));
      expect(relativeError(results[0]!, logits)).toBeLessThan(1e-5);
      expect(relativeError(results[1]!, logits)).toBeLessThan(1e-5);
      expect(relativeError(results[2]!, logits)).toBeGreaterThan(0.05);
      tf.dispose([tokens, logits, ...results]);
      [base, model, merged].forEach(({ params }) => disposeParams(params));
    },
  );

  const damaged = async (
    change: (folder: string) => Promise<void>,
    name: (typeof FIXTURES)[number] = 'llama-some',
  ): Promise<unknown> => {
    const folder = join(root, 'adapter');
    await cp(fixture(name), folder, { recursive: true });
    await change(folder);
    const { tokens, logits, ...base } = await baseOf(name);
    try {
      return await loadAdapter(folder, base);
    } finally {
      tf.dispose([tokens, logits]);
      disposeParams(base.params);
    }
  };
  const field = (name: string, value: unknown) => async (folder: string) => {
    const path = join(folder, 'adapter_config.json');
    const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...json, [name]: value }));
  };

  it.each<[string, unknown, string]>([
    ['peft_type', 'LOHA', 'has peft_type "LOHA", expected "LORA"'],
    ['peft_type', undefined, 'has peft_type undefined, expected "LORA"'],
    ['use_dora', true, 'has use_dora true, expected null'],
    ['bias', 'all', 'has bias "all", expected "none"'],
    [
      'lora_dropout',
      0.05,
      'has lora_dropout 0.05, expected 0: adapters are trained without dropout',
    ],
    ['init_lora_weights', 'pissa', 'has init_lora_weights "pissa", expected true or false or '],
    ['modules_to_save', ['lm_head'], 'has modules_to_save ["lm_head"], expected null'],
    ['rank_pattern', { q_proj: 1 }, 'has rank_pattern {"q_proj":1}, expected null'],
    ['something_new', 1, 'has something_new 1, expected null'],
    ['r', 0, 'has r 0, expected a positive integer'],
    ['lora_alpha', null, 'has lora_alpha null, expected a finite number'],
    ['use_rslora', 1, 'has use_rslora 1, expected a boolean'],
  ])('refuses a configuration with %s %j, and leaks nothing', async (name, value, message) => {
    await expect(damaged(field(name, value))).rejects.toThrow(
      `loadAdapter: adapter_config.json ${message}`,
    );
  });

  it('lists everything that does not fit the model in one error', async () => {
    const rejection = damaged(async (folder) => {
      const path = join(folder, 'adapter_model.safetensors');
      const { tensors } = await readSafetensors(path);
      const start = 'base_model.model.model.layers.0';
      const {
        [`${start}.mlp.down_proj.lora_A.weight`]: lost,
        [`${start}.self_attn.v_proj.lora_B.weight`]: turned,
        ...rest
      } = tensors;
      const changed = {
        ...rest,
        [`${start}.self_attn.v_proj.lora_B.weight`]: tf.transpose(turned!),
        [`${start}.self_attn.q_proj.lora_A.weight`]: tf.fill([2, 8], NaN),
        'base_model.model.lm_head.lora_A.weight': tf.ones([2, 8]),
      };
      await writeFile(path, encodeSafetensors(changed));
      tf.dispose([lost!, turned!, changed, tensors as Record<string, tf.Tensor>]);
    });
    await expect(rejection).rejects.toThrow(
      'loadAdapter: the adapter has 4 entries that do not fit the model: ' +
        "'model.layers.0.self_attn.q_proj.lora_A.weight' has NaN or infinite numbers; " +
        "'model.layers.0.self_attn.v_proj.lora_B.weight' has shape [2, 4], expected [4, 2]; " +
        "'model.layers.0.mlp.down_proj.lora_A.weight' is missing; " +
        "'lm_head.lora_A.weight' is unexpected in a tied model: load into untie(model)",
    );
  });

  it('refuses adapters of other weights, where PEFT saved these', async () => {
    const { tokens, logits, ...base } = await baseOf('llama-all');
    const params = { ...base.params, 'lm_head.weight': tf.zeros([13, 8]) };
    await expect(loadAdapter(fixture('llama-all'), { ...base, params })).rejects.toThrow(
      "loadAdapter: the adapter has 1 entries that do not fit the model: 'lm_head.base_layer.weight' is not the model's weight",
    );
    tf.dispose([tokens, logits, params['lm_head.weight']]);
    disposeParams(base.params);
  });

  it('refuses a folder that is none of PEFT, or a file that is damaged', async () => {
    const remove = (name: string) => async (folder: string) => rm(join(folder, name));
    await expect(damaged(remove('adapter_config.json'))).rejects.toThrow(
      'has no adapter_config.json',
    );
    await expect(damaged(remove('adapter_model.safetensors'))).rejects.toThrow(
      "has no adapter_model.safetensors, expected a folder of PEFT's; save with safe_serialization=True",
    );
    await expect(
      damaged((folder) => writeFile(join(folder, 'adapter_config.json'), '{')),
    ).rejects.toThrow('loadAdapter: adapter_config.json is not JSON');
    await expect(
      damaged((folder) => writeFile(join(folder, 'adapter_config.json'), '3')),
    ).rejects.toThrow('loadAdapter: adapter_config.json is no object');
    await expect(
      damaged((folder) => writeFile(join(folder, 'adapter_model.safetensors'), 'short')),
    ).rejects.toThrow('the file is truncated');
  });
});

describe('saveAdapter', () => {
  it('saves what loadAdapter loads, in any model: equal configuration and numbers', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        configs(),
        fc.record({
          rank: fc.integer({ min: 1, max: 3 }),
          alpha: fc.constantFrom(0.25, 16),
          rankStabilized: fc.boolean(),
        }),
        fc.infiniteStream(fc.boolean()),
        fc.nat(),
        async (config, how, picks, seed) => {
          const params = randomParams(config, seed);
          const targets = (module: string): boolean =>
            /0.mlp.(down|c)_proj$/.test(module) || picks.next().value;
          const fresh = addLora({ config, params }, { ...how, targets }, seed);
          const model = {
            ...fresh,
            params: mapParams(fresh.params, (t) => tf.tidy(() => tf.add(t, 0.5))),
          };
          const base = { config, params: selectParams(model.params, (name) => !isLora(name)) };
          const folder = join(root, String(runs++));
          await saveAdapter(folder, model, { baseModel: 'me/base' });
          expect((await readdir(folder)).sort()).toEqual([
            'adapter_config.json',
            'adapter_model.safetensors',
          ]);
          const loaded = await loadAdapter(folder, base);
          expect(loaded.config).toEqual(model.config);
          expect(Object.keys(loaded.params)).toEqual(Object.keys(model.params));
          for (const [name, tensor] of Object.entries(model.params)) {
            expect(loaded.params[name]!.dataSync()).toEqual(tensor.dataSync());
          }
          [params, fresh.params, model.params, loaded.params].forEach(disposeParams);
        },
      ),
      { numRuns: 8 },
    );
  });

  const config = modelConfig({
    ...{
      architecture: 'llama',
      vocabSize: 258,
      hiddenSize: 8,
      layers: 2,
      heads: 2,
      maxPositions: 6,
    },
  });

  it.each<[readonly string[], readonly string[]]>([
    [
      ['q_proj', 'lm_head'],
      ['q_proj', 'lm_head'],
    ],
    [
      ['0.self_attn.q_proj', 'v_proj'],
      [0, 1].flatMap((i) =>
        (i === 0 ? ['q_proj', 'v_proj'] : ['v_proj']).map(
          (m) => `model.layers.${i}.self_attn.${m}`,
        ),
      ),
    ],
  ])('names the modules %j as PEFT finds them', async (targets, expected) => {
    const params = randomParams(config, 0);
    const model = addLora({ config, params }, { rank: 1, targets }, 0);
    await saveAdapter(root, model, { baseModel: 'me/base' });
    const json = JSON.parse(await readFile(join(root, 'adapter_config.json'), 'utf8')) as object;
    expect(json).toMatchObject({
      target_modules: expected,
      base_model_name_or_path: 'me/base',
      r: 1,
    });
    [params, model.params].forEach(disposeParams);
  });

  it('refuses what is no adapter, and writes nothing then; savePretrained refuses adapters', async () => {
    const params = randomParams(config, 0);
    const model = addLora({ config, params }, { rank: 1, targets: ['q_proj'] }, 0);
    const folder = join(root, 'folder');
    await expect(saveAdapter(folder, { config, params })).rejects.toThrow(
      'saveAdapter: config.lora is undefined, expected a model with adapters',
    );
    await expect(saveAdapter(folder, { ...model, params })).rejects.toThrow(
      "saveAdapter: the adapter has 4 entries that do not fit the model: 'model.layers.0.self_attn.q_proj.lora_A.weight' is missing; ",
    );
    await expect(savePretrained(folder, { ...model, tokenizer: byteTokenizer() })).rejects.toThrow(
      "'model.layers.0.self_attn.q_proj.lora_A.weight' is unexpected",
    );
    expect(await readdir(root)).toEqual([]);
    [params, model.params].forEach(disposeParams);
  });
});
