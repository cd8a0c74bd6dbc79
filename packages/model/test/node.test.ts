import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { disposeParams } from '@cfrl/engine';
import {
  byteTokenizer,
  charTokenizer,
  decodeSafetensors,
  encodeSafetensors,
  modelConfig,
} from '@cfrl/model';
import type { LanguageModel } from '@cfrl/model';
import {
  loadPretrained,
  readSafetensors,
  savePretrained,
  writeSafetensors,
} from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { configs, randomParams, without } from './arbitrary.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl-model-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const tokenizer = charTokenizer('abc');
const config = modelConfig({
  architecture: 'llama',
  vocabSize: 5,
  hiddenSize: 8,
  layers: 1,
  heads: 2,
  maxPositions: 6,
});
const FILES = [
  'config.json',
  'generation_config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
];

async function withModel<T>(run: (model: LanguageModel) => Promise<T>): Promise<T> {
  const params = randomParams(config, 1);
  try {
    return await run({ config, params, tokenizer });
  } finally {
    disposeParams(params);
  }
}

describe('loadPretrained', () => {
  it('loads what savePretrained saved: equal configuration, equal numbers, equal tokens', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(configs(fc.constant(258)), fc.nat(), async (drawn, seed) => {
        const params = randomParams(drawn, seed);
        const folder = join(root, String(runs++), 'deep', 'model');
        await savePretrained(folder, { config: drawn, params, tokenizer: byteTokenizer() });
        expect((await readdir(folder)).sort()).toEqual(FILES);
        expect(await readdir(join(folder, '..'))).toEqual(['model']);
        const loaded = await loadPretrained(folder);
        expect(loaded.config).toEqual(drawn);
        expect(loaded.generationConfig).toMatchObject({ eos_token_id: 257, top_k: 0 });
        expect(Object.keys(loaded.params)).toEqual(Object.keys(params));
        for (const [name, tensor] of Object.entries(params)) {
          expect(loaded.params[name]!.shape).toEqual(tensor.shape);
          expect(loaded.params[name]!.dataSync()).toEqual(tensor.dataSync());
        }
        expect(loaded.tokenizer.encode('é')).toEqual([195, 169]);
        disposeParams(params);
        disposeParams(loaded.params);
      }),
      { numRuns: 8 },
    );
  });

  const damaged = async (
    name: string,
    change: (content: Buffer) => string | Uint8Array,
  ): Promise<unknown> =>
    withModel(async (model) => {
      const folder = join(root, 'model');
      await savePretrained(folder, model);
      await writeFile(join(folder, name), change(await readFile(join(folder, name))));
      return loadPretrained(folder);
    });

  it('lists everything that does not fit the configuration in one error', async () => {
    const rejection = damaged('model.safetensors', (content) => {
      const { tensors } = decodeSafetensors(content);
      const { 'model.norm.weight': missing, 'lm_head.weight': misshapen, ...rest } = tensors;
      const record = {
        ...rest,
        'lm_head.weight': tf.transpose(misshapen!),
        'model.layers.0.input_layernorm.weight': tf.ones([8], 'int32'),
        'model.layers.1.extra': tf.ones([1]),
      };
      const bytes = encodeSafetensors(record);
      tf.dispose([missing!, misshapen!, record, tensors as Record<string, tf.Tensor>]);
      return bytes;
    });
    await expect(rejection).rejects.toThrow(
      'loadPretrained: params has 4 entries that do not fit the config: ' +
        "'model.layers.0.input_layernorm.weight' is not of floating point; " +
        "'model.norm.weight' is missing; " +
        "'lm_head.weight' has shape [8, 5], expected [5, 8]; " +
        "'model.layers.1.extra' is unexpected",
    );
  });

  it.each<[string, (content: Buffer) => string | Uint8Array, string]>([
    ['config.json', () => '{', 'config.json in'],
    ['config.json', () => '{"model_type": "bert"}', 'model_type is "bert"'],
    ['tokenizer.json', () => '{}', 'tokenizerFromFiles: tokenizer.json does not fit'],
    ['model.safetensors', (content) => content.subarray(0, -1), 'the file is truncated'],
  ])('refuses a damaged %s, and leaks nothing', async (name, change, message) => {
    await expect(damaged(name, change)).rejects.toThrow(message);
  });

  it('refuses a folder that is no model', async () => {
    await expect(loadPretrained(root)).rejects.toThrow(
      `loadPretrained: '${root}' has no config.json, expected a folder of a saved model`,
    );
  });
});

describe('savePretrained', () => {
  it('replaces its files in an existing folder, and keeps the others', async () => {
    await withModel(async (model) => {
      const folder = join(root, 'model');
      await mkdir(folder);
      await writeFile(join(folder, 'optimizer.safetensors'), 'mine');
      await writeFile(join(folder, 'config.json'), 'old');
      await savePretrained(folder, model);
      expect((await readdir(folder)).sort()).toEqual([...FILES, 'optimizer.safetensors'].sort());
      expect(await readdir(root)).toEqual(['model']);
      const { params } = await loadPretrained(folder);
      disposeParams(params);
    });
  });

  it('stop at a signal, and leave nothing behind', async () => {
    await withModel(async (model) => {
      const [folder, broken] = [join(root, 'model'), join(root, 'broken-off')];
      const reason = new Error('enough');
      const soon = (): AbortSignal => {
        const controller = new AbortController();
        setImmediate(() => controller.abort(reason));
        return controller.signal;
      };
      for (const signal of [AbortSignal.abort(reason), soon()]) {
        await expect(savePretrained(broken, model, { signal })).rejects.toBe(reason);
      }
      expect(await readdir(root)).toEqual([]);
      await savePretrained(folder, model);
      const before = tf.memory().numTensors;
      for (const signal of [AbortSignal.abort(reason), soon()]) {
        await expect(loadPretrained(folder, { signal })).rejects.toBe(reason);
      }
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  it('writes nothing when the model does not fit', async () => {
    await withModel(async (model) => {
      const folder = join(root, 'model');
      const params = without(model.params, 'model.norm.weight');
      await expect(savePretrained(folder, { ...model, params })).rejects.toThrow(
        "savePretrained: params has 1 entries that do not fit the config: 'model.norm.weight' is missing",
      );
      expect(await readdir(root)).toEqual([]);
    });
  });

  it('leaves a failed write without a trace, and says what to do', async () => {
    await withModel(async (model) => {
      const file = join(root, 'file');
      await writeFile(file, '');
      const advice = 'a part of the path is a file; choose another folder)';
      await expect(savePretrained(file, model)).rejects.toThrow(
        `savePretrained: could not write ${file} (ENOTDIR: ${advice}`,
      );
      await expect(savePretrained(join(file, 'model'), model)).rejects.toThrow(advice);
      expect(await readdir(root)).toEqual(['file']);
    });
  });

  it.runIf(process.platform === 'linux')('returns where no folder can be made', async () => {
    await withModel(async (model) => {
      await expect(savePretrained('/proc/cfrl/model', model)).rejects.toThrow(
        'savePretrained: could not write /proc/cfrl/model (ENOENT: nothing can be made there; choose another folder)',
      );
    });
  });
});

describe('writeSafetensors', () => {
  it('writes a file that readSafetensors reads, replacing an old one', async () => {
    const path = join(root, 'state', 'optimizer.safetensors');
    const step = tf.scalar(3, 'int32');
    await writeSafetensors(path, {});
    await writeSafetensors(path, { step }, { rng: '42' });
    const { tensors, metadata } = await readSafetensors(path);
    expect([tensors['step']!.dtype, tensors['step']!.arraySync(), metadata]).toEqual([
      'int32',
      3,
      { rng: '42' },
    ]);
    expect(await readdir(join(root, 'state'))).toEqual(['optimizer.safetensors']);
    tf.dispose([step, tensors as Record<string, tf.Tensor>]);
  });
});
