import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { disposeParams } from '@cfrl/engine';
import { byteTokenizer, fromHuggingFaceConfig, initParams, modelConfig } from '@cfrl/model';
import { loadAdapter, loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const LFS = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n';
const PAGE = '<!DOCTYPE html>\n<html><head><title>Access denied</title></head></html>';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

let root = '';
let folder = '';
const at = (name: string): string => join(folder, name);
const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const sizes = { vocabSize: 258, hiddenSize: 8, layers: 4, heads: 2, maxPositions: 16 };
const config = modelConfig({ architecture: 'llama', ...sizes });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl damaged ü-'));
  const params = initParams(config, 0);
  const model = { config, params, tokenizer: byteTokenizer() };
  await savePretrained(join(root, 'whole'), model);
  await savePretrained(join(root, 'shards'), model, { maxShardSize: 2000 });
  disposeParams(params);
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A fresh copy of a folder, whose path has a space and an umlaut. */
async function copy(from = 'whole'): Promise<void> {
  folder = await mkdtemp(join(root, 'copy-'));
  await cp(join(root, from), folder, { recursive: true });
}
beforeEach(() => copy());

/** Loads, and gives back how many tensors there were. */
async function load(path = folder): Promise<number> {
  const { params } = await loadPretrained(path);
  const count = Object.keys(params).length;
  disposeParams(params);
  return count;
}

/** The one message of a call that fails, and what it leaves behind. */
async function problem(call: () => Promise<unknown>): Promise<string> {
  const before = tf.memory().numTensors;
  const error: unknown = await call().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RangeError);
  expect(tf.memory().numTensors).toBe(before);
  return (error as Error).message;
}

describe('a file that is something else', () => {
  it.each<[string, string | Buffer, string]>([
    ['nothing', '', 'the file is empty; download it again'],
    [
      'a pointer',
      LFS,
      'the file is a pointer of Git LFS, expected the data; fetch it with git lfs',
    ],
    ['a page', PAGE, 'the file is a web page, expected the data; download it again'],
    ['UTF-16', Buffer.from('\ufeff{"a": 1}', 'utf16le'), 'the file is UTF-16, expected UTF-8'],
    ['a part', '{"model_type": "lla', 'the file ends too early; download it again'],
  ])('is named, in each of the files of JSON: %s', async (_, contents, what) => {
    const names = [
      'config.json',
      'generation_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ];
    for (const name of names) {
      await copy();
      await writeFile(at(name), contents);
      const where = name.startsWith('tokenizer') ? 'loadTokenizer' : 'loadPretrained';
      expect(await problem(() => load())).toContain(
        `${where}: ${name} in '${folder}' is not JSON, expected a JSON object: ${what}`,
      );
    }
    await copy('shards');
    await writeFile(at(INDEX), contents);
    expect(await problem(() => load())).toContain(`${INDEX} in '${folder}' is not JSON`);
  });

  it.each<[string, string | Buffer, string]>([
    ['nothing', '', 'the file is empty'],
    ['a pointer', LFS, 'a pointer of Git LFS'],
    ['a page', PAGE, 'a web page'],
    ['pickled', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(99)]), 'a zip archive'],
    ['an answer of a server', '{"error":"Repository not found"}', 'JSON, expected the data'],
  ])('is named, instead of the weights: %s', async (_, contents, what) => {
    await writeFile(at(WEIGHTS), contents);
    const message = await problem(() => load());
    expect(message).toContain(what);
    expect(message).toContain(at(WEIGHTS));
    await copy('shards');
    const shard = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'))[1]!;
    await writeFile(at(shard), contents);
    expect(await problem(() => load())).toContain(at(shard));
    if (contents === '') return;
    await writeFile(at('model.gguf'), contents);
    expect(await problem(() => load(at('model.gguf')))).toContain(what);
  });

  it('is a folder, or a link to what is gone', async () => {
    for (const name of ['config.json', 'tokenizer.json', 'generation_config.json']) {
      await copy();
      await rm(at(name));
      await mkdir(at(name));
      expect(await problem(() => load())).toContain(`'${at(name)}' is a folder, expected a file`);
      await rm(at(name), { recursive: true });
      await symlink('../../blobs/gone', at(name));
      expect(await problem(() => load())).toContain(`'${at(name)}' is a link to what is not there`);
    }
    await copy();
    await rename(at(WEIGHTS), at('blob'));
    await symlink('blob', at(WEIGHTS));
    expect(await load()).toBe(39);
    await rm(at('blob'));
    expect(await problem(() => load())).toContain(
      `'${at(WEIGHTS)}' is a link to what is not there`,
    );
  });
});

describe('files of Windows', () => {
  it('begin with a byte order mark and end lines with two characters', async () => {
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.json')) continue;
      const text = await readFile(at(name), 'utf8');
      await writeFile(at(name), `\ufeff${text.replaceAll('\n', '\r\n')}`);
    }
    expect(await load()).toBe(39);
  });
});

describe('a path that is no folder of a model', () => {
  it('says what it is, and what would be right', async () => {
    for (const name of ['config.json', WEIGHTS]) {
      expect(await problem(() => load(at(name)))).toBe(
        `loadPretrained: '${at(name)}' is a file, expected a folder of a saved model or a GGUF file; pass its folder, '${folder}'`,
      );
    }
    expect(await problem(() => load(at('gone')))).toContain(
      `'${at('gone')}' is not there, expected`,
    );
    expect(await problem(() => load(at('gone.gguf')))).toContain(
      `'${at('gone.gguf')}' is not there`,
    );
    await rm(at('config.json'));
    await writeFile(at('adapter_config.json'), '{}');
    expect(await problem(() => load())).toContain('loadAdapter(');
  });

  it('may be a GGUF file of any name, as caches have them, or its folder with a config beside', async () => {
    await cp(fixture('gguf/bpe.gguf'), at('sha256-0123'));
    const tensorless = await problem(() => load(at('sha256-0123')));
    expect(tensorless).toContain(`('${at('sha256-0123')}')`);
    await rm(at(WEIGHTS));
    await cp(fixture('gguf/llama.gguf'), at('llama.gguf'));
    const { params } = await loadPretrained(folder, { tokenizer: false });
    expect(Object.keys(params)).toHaveLength(21);
    disposeParams(params);
  });
});

describe('weights that are not those of the config', () => {
  it('are refused in a message that can be read, however many do not fit', async () => {
    const json = JSON.parse(await readFile(at('config.json'), 'utf8')) as object;
    await writeFile(at('config.json'), JSON.stringify({ ...json, hidden_size: 16 }));
    const message = await problem(() => load());
    expect(message).toContain('params has 39 entries that do not fit the config: ');
    expect(message).toMatch(/; and 33 more$/);
    await writeFile(at('config.json'), JSON.stringify({ ...json, tie_word_embeddings: 'yes' }));
    expect(await problem(() => load())).toContain(`expected a boolean ('${at('config.json')}')`);
  });

  it('say which shards are missing, and that an index is', async () => {
    await copy('shards');
    const shards = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'));
    await Promise.all(shards.slice(0, 2).map((name) => rm(at(name))));
    expect(await problem(() => load())).toContain(
      `has no ${shards[0]}, ${shards[1]}, which the index lists`,
    );
    await writeFile(at(INDEX), '{"weight_map": {}}');
    expect(await problem(() => load())).toContain('weight_map is empty');
    await rm(at(INDEX));
    expect(await problem(() => load())).toContain(`has ${shards[2]} and no ${INDEX}`);
  });
});

describe('an adapter', () => {
  const load = async (onNotice?: (notice: string) => void) => {
    const json = { model_type: 'llama', vocab_size: 13, hidden_size: 8, intermediate_size: 12 };
    const sized = { ...json, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1 };
    const base = fromHuggingFaceConfig({ ...sized, max_position_embeddings: 16 });
    const params = initParams(base, 0);
    try {
      const model = await loadAdapter(
        folder,
        { config: base, params },
        { ...(onNotice && { onNotice }) },
      );
      disposeParams(model.params);
    } finally {
      disposeParams(params);
    }
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(root, 'adapter-'));
    await cp(fixture('peft/llama-some'), folder, { recursive: true });
    await rm(at(WEIGHTS));
  });

  it('may be damaged; the message says which file', async () => {
    await load();
    const tensors = 'adapter_model.safetensors';
    const whole = await readFile(at(tensors));
    await writeFile(at(tensors), LFS);
    expect(await problem(load)).toMatch(/^loadAdapter: the file is a pointer of Git LFS/);
    expect(await problem(load)).toContain(at(tensors));
    await writeFile(at(tensors), whole.subarray(0, 99));
    expect(await problem(load)).toContain(`the file is truncated ('${at(tensors)}')`);
    await rename(at(tensors), at('adapter_model.bin'));
    expect(await problem(load)).toMatch(
      /has adapter_model.bin, .*python -c 'import torch; .*save_file/,
    );
    await writeFile(at('adapter_config.json'), PAGE);
    await writeFile(at(tensors), whole);
    expect(await problem(load)).toContain('the file is a web page');
    await rm(at('adapter_config.json'));
    await writeFile(at('config.json'), '{}');
    expect(await problem(load)).toContain('it holds a whole model, which loadPretrained loads');
    folder = at(tensors);
    expect(await problem(load)).toContain(
      `'${folder}' is a file or lies below one, expected a folder`,
    );
  });

  it('of another rank is refused in a message that can be read', async () => {
    const json = JSON.parse(await readFile(at('adapter_config.json'), 'utf8')) as object;
    await writeFile(at('adapter_config.json'), JSON.stringify({ ...json, r: 8 }));
    expect(await problem(load)).toMatch(
      /has 12 entries that do not fit the model: .*; and 6 more$/,
    );
    await writeFile(at('adapter_config.json'), JSON.stringify({ ...json, r: 0 }));
    expect(await problem(load)).toContain(`('${at('adapter_config.json')}')`);
  });

  it('says by what modules were left out, and what is named and not there', async () => {
    const json = JSON.parse(await readFile(at('adapter_config.json'), 'utf8')) as object;
    const edit = (fields: object) =>
      writeFile(at('adapter_config.json'), JSON.stringify({ ...json, ...fields }));
    await edit({ layers_to_transform: [7] });
    expect(await problem(load)).toContain(
      'target_modules with layers_to_transform names none of the modules that the file has',
    );
    await edit({ exclude_modules: ['q_proj'], modules_to_save: ['score'] });
    const notices: string[] = [];
    await load((notice) => void notices.push(notice));
    expect(notices).toHaveLength(2);
    expect(notices[0]).toContain(
      '2 modules that target_modules with exclude_modules does not name',
    );
    expect(notices[1]).toContain(
      'modules_to_save names what neither the model nor the file has, which is left out: score',
    );
  });
});
