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
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { configs, randomParams } from './arbitrary.js';
import { relativeError } from './fixture.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl-adapter-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/peft/${name}`, import.meta.url));
const FIXTURES = [
  ...(['llama-some', 'llama-all', 'gpt2-linear', 'gpt2-untied', 'llama-patterns'] as const),
  ...(['llama-dora', 'gpt2-dora', 'gpt2-bias', 'llama-head', 'llama-whole'] as const),
  ...(['llama-layers', 'llama-subset', 'llama-resized', 'llama-resized-adapted'] as const),
  ...(['gpt2-resized', 'llama-tied-head', 'llama-tied-embedding'] as const),
] as const;
type Fixture = (typeof FIXTURES)[number];

/** What is told of a fixture; nothing of the others. */
const NOTICES: Partial<Record<Fixture, readonly RegExp[]>> = {
  'llama-patterns': [/^loadAdapter: lora_dropout is 0.25: it acts in training only, /],
  'llama-head': [/^loadAdapter: embedding and classifier are one in the model and two with/],
  'llama-subset': [
    /^loadAdapter: the file has adapters of 4 modules that target_modules does not name, which are left out: model.layers.0.self_attn.q_proj, /,
  ],
  'llama-resized': [/^loadAdapter: the adapter's embedding has 15 rows and the model's 13: /],
  'llama-resized-adapted': [/has 15 rows and the model's 13: the model has 15 now; /],
  'llama-tied-head': [/one in the model and two with the adapter: it is untied now$/],
  'llama-tied-embedding': [/has 15 rows and/, /it is untied now$/],
  'gpt2-resized': [/has 11 rows and the model's 13: the model has 11 now; /],
};

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
      const notices: string[] = [];
      const onNotice = (notice: string) => void notices.push(notice);
      const model = await loadAdapter(fixture(name), base, { onNotice });
      const told = NOTICES[name] ?? [];
      expect(notices.length, notices.join('\n')).toBe(told.length);
      told.forEach((pattern, i) => expect(notices[i]).toMatch(pattern));
      const merged = mergeLora(model);
      const results = [model, merged].map((each) => logitsOf(each, tokens));
      expect(relativeError(results[0]!, logits)).toBeLessThan(1e-5);
      expect(relativeError(results[1]!, logits)).toBeLessThan(1e-5);
      if (model.config.vocabSize === base.config.vocabSize) {
        const without = logitsOf(base, tokens);
        expect(relativeError(without, logits)).toBeGreaterThan(0.05);
        without.dispose();
      }
      tf.dispose([tokens, logits, ...results]);
      [base, model, merged].forEach(({ params }) => disposeParams(params));
    },
  );

  const damaged = async (
    change: (folder: string) => Promise<void>,
    name: Fixture = 'llama-some',
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
    ['peft_type', 'IA3', 'has peft_type "IA3", expected "LORA"; adapters of other types are not'],
    ['peft_type', undefined, 'has peft_type undefined, expected "LORA"'],
    ['use_dora', 1, 'has use_dora 1, expected a boolean'],
    ['bias', 'some', 'has bias "some", expected "none" or "lora_only" or "all"'],
    ['lora_dropout', 1, 'has lora_dropout 1, expected a number in [0, 1)'],
    [
      'init_lora_weights',
      'pissa_niter_4',
      'has init_lora_weights "pissa_niter_4", expected true or false or "gaussian" or "orthogonal" or "eva": it starts by changing',
    ],
    ['modules_to_save', 'lm_head', 'has modules_to_save "lm_head", expected a list of texts'],
    ['rank_pattern', { q_proj: 0 }, 'has rank_pattern {"q_proj":0}, expected positive integers'],
    ['alpha_pattern', { q: null }, 'has alpha_pattern {"q":null}, expected finite numbers by name'],
    ['rank_pattern', { '(?(1)a)': 1 }, "has rank_pattern '(?(1)a)', expected a regular expression"],
    [
      'target_modules',
      '(',
      "has target_modules '(', expected a regular expression that JavaScript",
    ],
    ['target_modules', 3, 'has target_modules 3, expected a text or a list of them'],
    ['layers_to_transform', 'x', 'has layers_to_transform "x", expected an integer or a list'],
    ['layer_replication', [[0, 1]], 'has layer_replication [[0,1]], expected null; such adapters'],
    ['trainable_token_indices', [3], 'has trainable_token_indices [3], expected null; such '],
    [
      'lora_bias',
      true,
      'has lora_bias true, expected null; such adapters are not supported: merge',
    ],
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

  it('takes the embedding and classifier that PEFT saved with the adapter, and says so', async () => {
    const { tokens, logits, ...base } = await baseOf('llama-all');
    const params = { ...base.params, 'lm_head.weight': tf.zeros([13, 8]) };
    const notices: string[] = [];
    const model = await loadAdapter(
      fixture('llama-all'),
      { ...base, params },
      { onNotice: (notice) => notices.push(notice) },
    );
    expect(notices).toEqual([
      "loadAdapter: the adapter has an embedding or classifier of its own, which takes the model's place",
    ]);
    const result = logitsOf(model, tokens);
    expect(relativeError(result, logits)).toBeLessThan(1e-5);
    tf.dispose([tokens, logits, result, params['lm_head.weight']]);
    [base, model].forEach((each) => disposeParams(each.params));
  });

  /** Logits of a changed fixture, and what was told. */
  const loaded = async (
    name: Fixture,
    change: (folder: string) => Promise<void>,
    edit: (base: Model) => Model = (base) => base,
  ) => {
    const folder = join(root, 'changed');
    await cp(fixture(name), folder, { recursive: true });
    await change(folder);
    const { tokens, logits, ...base } = await baseOf(name);
    const notices: string[] = [];
    try {
      const model = await loadAdapter(folder, edit(base), { onNotice: (n) => notices.push(n) });
      const result = logitsOf(model, tokens);
      const error = relativeError(result, logits);
      disposeParams(model.params);
      result.dispose();
      return { config: model.config, error, notices };
    } finally {
      tf.dispose([tokens, logits]);
      disposeParams(base.params);
    }
  };
  const renamed = (change: (name: string) => string) => async (folder: string) => {
    const path = join(folder, 'adapter_model.safetensors');
    const { tensors } = await readSafetensors(path);
    const entries = Object.entries(tensors).map(([name, tensor]) => [change(name), tensor]);
    await writeFile(path, encodeSafetensors(Object.fromEntries(entries) as Params));
    disposeParams(tensors);
  };

  it.each<[string, Fixture, (name: string) => string]>([
    ['without the prefix', 'llama-dora', (name) => name.slice('base_model.model.'.length)],
    [
      "with the adapter's own name",
      'llama-dora',
      (name) =>
        name
          .replace(/(lora_[AB])/, '$1.default')
          .replace(/(lora_embedding_[AB])/, '$1.default')
          .replace(/(magnitude_vector)/, '$1.default.weight'),
    ],
    [
      "without the base model's prefix",
      'gpt2-dora',
      (name) => name.replace('model.transformer.', 'model.'),
    ],
    ['biases without base_layer', 'gpt2-bias', (name) => name.replace('.base_layer', '')],
    [
      'copies by their old name',
      'llama-head',
      (name) => name.replace('lm_head.', 'lm_head.modules_to_save.default.'),
    ],
    [
      'compiled',
      'llama-some',
      (name) => name.replace('base_model.model.', 'base_model.model._orig_mod.'),
    ],
  ])('reads names %s', async (_, name, change) => {
    expect((await loaded(name, renamed(change))).error).toBeLessThan(1e-5);
  });

  it('leaves modules without factors as they are, and says so; not where they would be random', async () => {
    const both = field('target_modules', ['q_proj', 'v_proj', 'down_proj', 'o_proj']);
    const { error, notices } = await loaded('llama-some', both);
    expect(error).toBeLessThan(1e-5);
    expect(notices).toEqual([
      'loadAdapter: the file has no adapters of 2 modules that target_modules names, which stay as they are: ' +
        'model.layers.0.self_attn.o_proj, model.layers.1.self_attn.o_proj',
    ]);
    await rm(join(root, 'changed'), { recursive: true });
    const random = async (folder: string) => {
      await both(folder);
      await field('init_lora_weights', false)(folder);
    };
    await expect(damaged(random)).rejects.toThrow(
      "'model.layers.0.self_attn.o_proj' has no factors, and init_lora_weights is false",
    );
  });

  it.each<[unknown, unknown, unknown, readonly string[]]>([
    ['all-linear', null, null, ['0.q', '0.v', '0.down', '1.q', '1.v', '1.down']],
    [
      '.*\\.0\\.(?P<part>self_attn\\.[qv]|mlp\\.down)_proj\\Z',
      null,
      null,
      ['0.q', '0.v', '0.down'],
    ],
    ['(?i).*Q_PROJ', null, null, ['0.q', '1.q']],
    [['v_proj', 'model.layers.1.mlp.down_proj'], null, null, ['0.v', '1.v', '1.down']],
    [['proj'], null, null, []],
    [['q_proj'], ['layers.0.self_attn.q_proj'], null, ['1.q']],
    [['q_proj', 'v_proj'], '.*1.*q_proj', null, ['0.q', '0.v', '1.v']],
    [['q_proj', 'v_proj'], null, 1, ['1.q', '1.v']],
    [null, null, null, ['0.q', '0.v', '0.down', '1.q', '1.v', '1.down']],
  ])(
    'finds the modules of target_modules %j, exclude_modules %j, layers %j',
    async (targets, excluded, layers, expected) => {
      const change = async (folder: string) => {
        await field('target_modules', targets)(folder);
        await field('exclude_modules', excluded)(folder);
        await field('layers_to_transform', layers)(folder);
      };
      if (expected.length === 0) {
        await expect(damaged(change)).rejects.toThrow(
          'target_modules names none of the modules that the file has, as model.layers.0.self_attn.q_proj, ',
        );
        return;
      }
      const { config } = await loaded('llama-some', change);
      const short = config.lora!.modules.map((name) =>
        name.replace(/^model\.layers\.|(?:self_attn|mlp)\.|_proj$/g, ''),
      );
      expect(short).toEqual(expected);
    },
  );

  it('says each notice once through process.emitWarning, where nobody is named', async () => {
    const { tokens, logits, ...base } = await baseOf('llama-patterns');
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const model = await loadAdapter(fixture('llama-patterns'), base);
    expect(spy.mock.calls).toEqual([
      [
        'loadAdapter: lora_dropout is 0.25: it acts in training only, so what is computed is the same; training here is without it',
      ],
    ]);
    spy.mockRestore();
    tf.dispose([tokens, logits]);
    [base, model].forEach((each) => disposeParams(each.params));
  });

  it('refuses a whole module, a bias or a magnitude that does not belong, by name and shape', async () => {
    await expect(
      damaged(
        renamed((name) => name.replace('lm_head', 'score')),
        'llama-head',
      ),
    ).rejects.toThrow(/'score.weight' is unexpected/);
    await expect(damaged(field('bias', 'none'), 'gpt2-bias')).rejects.toThrow(
      "'transformer.h.0.mlp.c_fc.bias' is unexpected: adapter_config.json does not name it in modules_to_save or bias",
    );
    await rm(join(root, 'adapter'), { recursive: true });
    await expect(damaged(field('use_dora', false), 'llama-dora')).rejects.toThrow(
      "'model.layers.0.self_attn.q_proj.lora_magnitude_vector' is unexpected: use_dora is false",
    );
    await rm(join(root, 'adapter'), { recursive: true });
    await expect(damaged(field('rank_pattern', {}), 'llama-patterns')).rejects.toThrow(
      "'model.layers.0.self_attn.q_proj.lora_A.weight' has shape [1, 8], expected [2, 8]; ",
    );
    await rm(join(root, 'adapter'), { recursive: true });
    const twice = renamed((name) =>
      name.replace('1.self_attn.q_proj.lora_A', '0.self_attn.q_proj.lora_A.default'),
    );
    await expect(damaged(twice)).rejects.toThrow(
      "'model.layers.0.self_attn.q_proj.lora_A.weight' is there twice, expected each tensor once",
    );
    const alone = async (folder: string) => {
      const path = join(folder, 'adapter_model.safetensors');
      const { tensors } = await readSafetensors(path);
      const { ['base_model.model.lm_head.weight']: _, ...rest } = tensors;
      await writeFile(path, encodeSafetensors(rest));
      disposeParams(tensors);
    };
    await rm(join(root, 'adapter'), { recursive: true });
    await expect(damaged(alone, 'llama-resized')).rejects.toThrow(
      "loadAdapter: 'model.embed_tokens.weight' has shape [15, 8], expected 13 rows: the adapter has other tokens than the model, and no 'lm_head.weight' for them",
    );
    await rm(join(root, 'adapter'), { recursive: true });
    await expect(damaged(alone, 'llama-whole')).rejects.toThrow("'lm_head.weight' is missing");
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
    ).rejects.toThrow(
      /^loadAdapter: adapter_config.json in '.*' is not JSON, expected a JSON object/,
    );
    await expect(
      damaged((folder) => writeFile(join(folder, 'adapter_config.json'), '3')),
    ).rejects.toThrow(/adapter_config.json in '.*' is 3, expected a JSON object$/);
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

  it.each(FIXTURES)('saves again what it loaded of PEFT, to the bit: %s', async (name) => {
    const { tokens, logits, ...base } = await baseOf(name);
    const onNotice = () => undefined;
    const model = await loadAdapter(fixture(name), base, { onNotice });
    await saveAdapter(root, model);
    const again = await loadAdapter(root, base, { onNotice });
    expect(again.config).toEqual(model.config);
    expect(Object.keys(again.params)).toEqual(Object.keys(model.params));
    for (const [key, tensor] of Object.entries(model.params)) {
      expect(again.params[key]!.dataSync(), key).toEqual(tensor.dataSync());
    }
    tf.dispose([tokens, logits]);
    [base, model, again].forEach((each) => disposeParams(each.params));
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
