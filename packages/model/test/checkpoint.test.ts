import { mkdtemp, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { disposeParams } from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import {
  type ModelConfig,
  charTokenizer,
  encodeSafetensors,
  modelConfig,
  toHuggingFaceConfig,
} from '@cfrl/model';
import { type StoredDtype, loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { configs, randomParams } from './arbitrary.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl-checkpoint-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const INDEX = 'model.safetensors.index.json';
const llama = modelConfig({
  architecture: 'llama',
  vocabSize: 5,
  hiddenSize: 8,
  layers: 2,
  heads: 2,
  maxPositions: 6,
});
const gpt2 = modelConfig({ ...llama, architecture: 'gpt2', tiedEmbeddings: true });

async function withParams(
  config: ModelConfig,
  run: (params: Params) => Promise<void>,
): Promise<void> {
  const params = randomParams(config, 1);
  try {
    await run(params);
  } finally {
    disposeParams(params);
  }
}

/** A folder with one file of weights, written without savePretrained. */
async function folderOf(config: ModelConfig, tensors: Params): Promise<string> {
  const folder = await mkdtemp(join(root, 'model-'));
  await writeFile(join(folder, 'config.json'), JSON.stringify(toHuggingFaceConfig(config)));
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(tensors));
  return folder;
}

async function expectLoads(folder: string, expected: Params): Promise<void> {
  const { params } = await loadPretrained(folder, { tokenizer: false });
  expect(Object.keys(params).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected)) {
    expect(params[name]!.shape).toEqual(tensor.shape);
    expect(params[name]!.dataSync()).toEqual(tensor.dataSync());
  }
  disposeParams(params);
}

const rejection = (folder: string): Promise<string> =>
  loadPretrained(folder, { tokenizer: false }).then(
    () => 'it loads',
    (error: Error) => error.message,
  );

const withoutPrefix = (params: Params): Params =>
  Object.fromEntries(
    Object.entries(params).map(([name, tensor]) => [
      name.replace(/^(transformer|model)\./, ''),
      tensor,
    ]),
  );

/** The nearest half-precision numbers by search among all of them: the definition. */
function nearest(table: Float64Array, value: number): number {
  const gaps = Array.from(table, (half) => Math.abs(half - value));
  const least = Math.min(...gaps);
  const ties = table.filter((_, i) => gaps[i] === least);
  return ties[0]!;
}

describe('a sharded checkpoint', () => {
  it('comes back equal, whatever the size of a shard', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        configs(),
        fc.integer({ min: 1, max: 4000 }),
        async (config, maxShardSize) => {
          await withParams(config, async (params) => {
            const folder = join(root, String(runs++));
            await savePretrained(folder, { config, params }, { maxShardSize });
            await expectLoads(folder, params);
            const names = (await readdir(folder)).filter((name) => /^model/.test(name)).sort();
            const total = Object.values(params).reduce((sum, { size }) => sum + 4 * size, 0);
            if (total <= maxShardSize) return expect(names).toEqual(['model.safetensors']);
            const { metadata, weight_map: map } = JSON.parse(
              await readFile(join(folder, INDEX), 'utf8'),
            ) as { metadata: object; weight_map: Record<string, string> };
            expect(metadata).toEqual({ total_size: total });
            expect([...new Set(Object.values(map)), INDEX].sort()).toEqual(names);
            for (const file of new Set(Object.values(map))) {
              const held = Object.keys(map).filter((name) => map[name] === file);
              const bytes = held.reduce((sum, name) => sum + 4 * params[name]!.size, 0);
              expect(held.length === 1 || bytes <= maxShardSize).toBe(true);
            }
          });
        },
      ),
      { numRuns: 8 },
    );
  });

  it('replaces one that was saved otherwise, and leaves other files', async () => {
    await withParams(llama, async (params) => {
      const folder = join(root, 'model');
      const model = { config: llama, params, tokenizer: charTokenizer('abc') };
      await savePretrained(folder, model, { maxShardSize: 500 });
      await writeFile(join(folder, 'optimizer.safetensors'), 'mine');
      await writeFile(join(folder, 'model-best.safetensors'), 'mine');
      await savePretrained(folder, { config: llama, params });
      const kept = ['optimizer.safetensors', 'model-best.safetensors', 'model.safetensors'];
      const names = (await readdir(folder)).filter((name) => name.includes('safetensors'));
      expect(names.sort()).toEqual(kept.sort());
      const { params: loaded, tokenizer } = await loadPretrained(folder); // the tokenizer stayed
      expect(tokenizer.encode('b')).toEqual([1]);
      disposeParams(loaded);
      await savePretrained(folder, model, { maxShardSize: 500 });
      expect(await readdir(folder)).not.toContain('model.safetensors');
      await expectLoads(folder, params);
    });
  });

  const damaged = async (change: (map: Record<string, unknown>, folder: string) => unknown) => {
    const folder = join(root, 'model');
    await withParams(llama, (params) =>
      savePretrained(folder, { config: llama, params }, { maxShardSize: 500 }),
    );
    const index = JSON.parse(await readFile(join(folder, INDEX), 'utf8')) as {
      weight_map: Record<string, unknown>;
    };
    const changed = await change(index.weight_map, folder);
    await writeFile(join(folder, INDEX), JSON.stringify(changed ?? index));
    return rejection(folder);
  };
  const NORM = 'model.norm.weight';

  it.each<[string, (map: Record<string, unknown>, folder: string) => unknown, string]>([
    ['no map', () => ({}), 'weight_map is absent, expected an object'],
    ['a list', () => ({ weight_map: [] }), 'weight_map is absent, expected an object'],
    [
      'a way upwards',
      (map) => void (map[NORM] = '../x.safetensors'),
      `'${NORM}' lies in "../x.safetensors"`,
    ],
    ['an absolute path', (map) => void (map[NORM] = '/x.safetensors'), 'lies in "/x.safetensors"'],
    ['a folder', (map) => void (map[NORM] = 'a\\x.safetensors'), 'lies in "a\\\\x.safetensors"'],
    ['another kind of file', (map) => void (map[NORM] = 'x.bin'), 'lies in "x.bin"'],
    ['no text', (map) => void (map[NORM] = 1), `'${NORM}' lies in 1`],
    ['a missing shard', (map) => void (map[NORM] = 'x.safetensors'), 'has no x.safetensors'],
    ['a tensor too many', (map) => void (map['more'] = map[NORM]), `'more' is not in model-`],
    ['a tensor too few', (map) => void delete map[NORM], `'${NORM}' is in model-`],
    [
      'a tensor twice',
      async (map, folder) => {
        const again = tf.ones([8]);
        await writeFile(join(folder, 'x.safetensors'), encodeSafetensors({ 'norm.weight': again }));
        again.dispose();
        map['norm.weight'] = 'x.safetensors';
      },
      `'${NORM}' is there twice`,
    ],
  ])('is refused with %s in its index', async (_, change, message) => {
    expect(await damaged(change)).toContain(message);
  });

  it('may lie behind links, as in the cache of the hub', async () => {
    await withParams(llama, async (params) => {
      await savePretrained(join(root, 'blobs'), { config: llama, params }, { maxShardSize: 500 });
      await mkdir(join(root, 'links'));
      for (const name of await readdir(join(root, 'blobs'))) {
        await symlink(join('..', 'blobs', name), join(root, 'links', name));
      }
      await expectLoads(join(root, 'links'), params);
    });
  });
});

describe('half precision', () => {
  const all = (exponentBits: number): Float64Array => {
    const fractionBits = 15 - exponentBits;
    const bias = 2 ** (exponentBits - 1) - 1;
    const positive = Array.from({ length: 2 ** 15 - 2 ** fractionBits }, (_, i) => {
      const [exponent, fraction] = [
        i >> fractionBits,
        (i & (2 ** fractionBits - 1)) / 2 ** fractionBits,
      ];
      return exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
    });
    return Float64Array.from([...positive, ...positive.map((number) => -number)]);
  };
  const tables: Readonly<Record<string, Float64Array>> = { float16: all(5), bfloat16: all(8) };

  it.each<StoredDtype>(['float16', 'bfloat16'])('rounds to the nearest %s', async (dtype) => {
    const config = modelConfig({ ...llama, layers: 1, vocabSize: 3, hiddenSize: 4 });
    const values = fc.oneof(
      fc.float({ noNaN: true, min: -65_000, max: 65_000 }),
      fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) }),
      // Halfway between two halves, where the even one counts.
      fc.integer({ min: 2048, max: 4095 }).map((n) => Math.fround((n + 0.5) * 2 ** -10)),
      fc.integer({ min: 128, max: 255 }).map((n) => Math.fround((n + 0.5) * 2 ** -7)),
      fc.integer({ min: 0, max: 1100 }).map((n) => Math.fround((n + 0.5) * 2 ** -24)),
    );
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(values, { minLength: 12, maxLength: 12 }), async (numbers) => {
        await withParams(config, async (params) => {
          const weight = tf.tensor2d(numbers, [3, 4]);
          const folder = join(root, String(runs++));
          const model = { config, params: { ...params, 'lm_head.weight': weight } };
          await savePretrained(folder, model, { dtype });
          const loaded = await loadPretrained(folder, { tokenizer: false });
          const read = Array.from(loaded.params['lm_head.weight']!.dataSync());
          for (const [i, number] of Array.from(weight.dataSync()).entries()) {
            const expected = nearest(tables[dtype]!, number);
            expect(Math.abs(read[i]! - number)).toBe(Math.abs(expected - number));
          }
          // What is rounded stays as it is.
          await savePretrained(folder, loaded, { dtype });
          await expectLoads(folder, loaded.params);
          disposeParams(loaded.params);
          weight.dispose();
        });
      }),
      { numRuns: 6 },
    );
  });

  it('rounds ties to the even one', async () => {
    await withParams(llama, async (params) => {
      const half = [
        1 + 2 ** -11,
        1 + 3 * 2 ** -11,
        2 ** -25,
        3 * 2 ** -25,
        -(1 + 2 ** -11),
        65519,
        0,
        1,
      ];
      const brain = [1 + 2 ** -8, 1 + 3 * 2 ** -8, 3, -3, 1e38, 2 ** -133, 0, 1];
      const results: number[][] = [];
      for (const [dtype, numbers] of [
        ['float16', half],
        ['bfloat16', brain],
      ] as const) {
        const norm = tf.tensor1d(numbers);
        const model = { config: llama, params: { ...params, 'model.norm.weight': norm } };
        await savePretrained(root, model, { dtype });
        const loaded = await loadPretrained(root, { tokenizer: false });
        results.push(Array.from(loaded.params['model.norm.weight']!.dataSync()));
        disposeParams(loaded.params);
        norm.dispose();
      }
      expect(results[0]).toEqual([1, 1 + 2 ** -9, 0, 2 ** -23, -1, 65504, 0, 1]);
      expect(results[1]!.slice(0, 4)).toEqual([1, 1 + 2 ** -6, 3, -3]);
      expect(results[1]!.slice(5)).toEqual([2 ** -133, 0, 1]);
    });
  });

  it('refuses a number that float16 does not have, and what is no dtype', async () => {
    await withParams(llama, async (params) => {
      const norm = tf.fill([8], 65520);
      const model = { config: llama, params: { ...params, 'model.norm.weight': norm } };
      const folder = join(root, 'model');
      await expect(savePretrained(folder, model, { dtype: 'float16' })).rejects.toThrow(
        "'model.norm.weight' has 65520, expected at most 65504 for float16; store it as bfloat16",
      );
      await expect(savePretrained(folder, model, { dtype: 'float64' as never })).rejects.toThrow(
        'dtype is "float64", expected one of float32, float16, bfloat16',
      );
      await expect(savePretrained(folder, model, { maxShardSize: 0 })).rejects.toThrow(
        'savePretrained: maxShardSize is 0, expected a positive integer',
      );
      expect(await readdir(root)).toEqual([]);
      norm.dispose();
    });
  });
});

describe('checkpoints in the wild', () => {
  it.each([
    ['gpt2', gpt2],
    ['llama', llama],
  ])('may lack the prefix and hold buffers (%s)', async (_, config) => {
    await withParams(config, async (params) => {
      const buffers = {
        'h.0.attn.bias': tf.ones([1, 1, 6, 6]),
        'h.0.attn.masked_bias': tf.scalar(-1e4),
        'model.layers.0.self_attn.rotary_emb.inv_freq': tf.ones([2]),
      };
      await expectLoads(await folderOf(config, { ...withoutPrefix(params), ...buffers }), params);
      tf.dispose(buffers);
    });
  });

  it('may hold the classifier of a tied model, if it is the embedding', async () => {
    await withParams(gpt2, async (params) => {
      const embedding = params['transformer.wte.weight']!;
      await expectLoads(await folderOf(gpt2, { ...params, 'lm_head.weight': embedding }), params);
      const other = tf.add(embedding, 1);
      const folder = await folderOf(gpt2, { ...params, 'lm_head.weight': other });
      expect(await rejection(folder)).toContain(
        "'lm_head.weight' differs from the embedding, expected equal tensors; tie_word_embeddings is true",
      );
      other.dispose();
    });
  });

  it('are refused when a number is not finite, and nothing leaks', async () => {
    await withParams(llama, async (params) => {
      for (const number of [NaN, Infinity, -Infinity]) {
        const norm = tf.tensor1d([1, 1, 1, number, 1, 1, 1, 1]);
        const tensors = { ...params, 'model.layers.1.input_layernorm.weight': norm };
        const folder = await folderOf(llama, tensors);
        expect(await rejection(folder)).toContain(
          "'model.layers.1.input_layernorm.weight' has NaN or infinite numbers, expected finite ones",
        );
        await expect(savePretrained(folder, { config: llama, params: tensors })).rejects.toThrow(
          'has NaN or infinite numbers',
        );
        norm.dispose();
      }
    });
  });

  it('are refused when the config has more layers than the file has tensors', async () => {
    await withParams(llama, async (params) => {
      const folder = await folderOf(llama, params);
      const json = { ...toHuggingFaceConfig(llama), num_hidden_layers: 2 ** 40 };
      await writeFile(join(folder, 'config.json'), JSON.stringify(json));
      expect(await rejection(folder)).toContain(
        `the config has ${2 ** 40} layers, expected at most 21`,
      );
    });
  });

  it.each([
    ['pytorch_model.bin', true],
    ['pytorch_model-00001-of-00002.bin', true],
    ['model.pth', true],
    ['training_args.bin', false],
  ])('are refused with %s alone', async (name, pickled) => {
    await withParams(llama, async (params) => {
      const folder = await folderOf(llama, params);
      await rm(join(folder, 'model.safetensors'));
      await writeFile(join(folder, name), '');
      expect(await rejection(folder)).toBe(
        pickled
          ? `loadPretrained: '${folder}' has ${name}, which may run any code when it is read, expected model.safetensors; ` +
              `convert it by python -c 'from transformers import AutoModelForCausalLM as M; M.from_pretrained("${folder}", dtype="auto").save_pretrained("${folder}")'`
          : `loadPretrained: '${folder}' has no model.safetensors, expected a folder of a saved model`,
      );
    });
  });

  it('are refused as pointers of Git LFS', async () => {
    await withParams(llama, async (params) => {
      const folder = await folderOf(llama, params);
      await writeFile(
        join(folder, 'model.safetensors'),
        'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
      );
      expect(await rejection(folder)).toContain('a pointer of Git LFS, expected the data');
    });
  });

  it('load without a tokenizer if that is asked for', async () => {
    await withParams(llama, async (params) => {
      const folder = await folderOf(llama, params);
      await expect(loadPretrained(folder)).rejects.toThrow(
        'the checkpoint has no tokenizer.json, nor vocab.json and merges.txt, expected a tokenizer; pass { tokenizer: false }',
      );
      await expectLoads(folder, params);
    });
  });
});
