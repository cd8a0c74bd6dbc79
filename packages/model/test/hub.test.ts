import { createHash } from 'node:crypto';
import {
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { disposeParams } from '@cfrl/engine';
import { charTokenizer, modelConfig } from '@cfrl/model';
import {
  type HubOptions,
  type HubProgress,
  loadPretrained,
  savePretrained,
} from '@cfrl/model/node';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { randomParams } from './arbitrary.js';
import { type HubRepository, type TestHub, gitBlob, sha256, startHub } from './hub-server.js';

const COMMIT = createHash('sha1').update('a commit').digest('hex');
const ID = 'some-org/tiny.model';
const VARIABLES = [
  ...['HF_ENDPOINT', 'HF_HOME', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'XDG_CACHE_HOME'],
  ...['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_DISABLE_IMPLICIT_TOKEN'],
  ...['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'],
];
const config = modelConfig({
  architecture: 'llama',
  vocabSize: 5,
  hiddenSize: 8,
  layers: 1,
  heads: 2,
  maxPositions: 6,
});

let files: Readonly<Record<string, Buffer>> = {};
let sharded: Readonly<Record<string, Buffer>> = {};
let root = '';
let hub: TestHub | undefined;
const before = new Map(VARIABLES.map((name) => [name, process.env[name]]));

async function filesOf(folder: string): Promise<Record<string, Buffer>> {
  const names = await readdir(folder);
  const read = names.map(async (name) => [name, await readFile(join(folder, name))] as const);
  return Object.fromEntries(await Promise.all(read));
}

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cfrl-hub-'));
  const params = randomParams(config, 1);
  const model = { config, params, tokenizer: charTokenizer('abc') };
  await savePretrained(join(folder, 'whole'), model);
  await savePretrained(join(folder, 'sharded'), model, { maxShardSize: 700 });
  [files, sharded] = await Promise.all([
    filesOf(join(folder, 'whole')),
    filesOf(join(folder, 'sharded')),
  ]);
  disposeParams(params);
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl-hub-'));
  for (const name of VARIABLES) delete process.env[name];
  process.env['HF_HOME'] = root;
});

afterEach(async () => {
  await hub?.close();
  hub = undefined;
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await rm(root, { recursive: true });
});

async function serve(repository: Partial<HubRepository> = {}, id = ID): Promise<TestHub> {
  hub = await startHub({ [id]: { commit: COMMIT, files, ...repository } });
  process.env['HF_ENDPOINT'] = `${hub.url}/`;
  return hub;
}

async function load(options: HubOptions = {}, id = ID): Promise<number> {
  const { params, tokenizer } = await loadPretrained(id, options);
  const first = params['model.norm.weight']!.dataSync()[0]!;
  disposeParams(params);
  expect(tokenizer.encode('cab')).toEqual([2, 0, 1]);
  return first;
}

const folderOf = (cache = join(root, 'hub')): string => join(cache, 'models--some-org--tiny.model');

describe('a model of the hub', () => {
  it('lies in the cache as huggingface_hub lays it out, and is asked for once', async () => {
    const { requests } = await serve();
    const value = await load();
    const folder = folderOf();
    expect((await readdir(folder)).sort()).toEqual(['blobs', 'refs', 'snapshots']);
    expect(await readFile(join(folder, 'refs/main'), 'utf8')).toBe(COMMIT);
    const names = Object.keys(files);
    const blobOf = (name: string): string =>
      name.endsWith('.safetensors') ? sha256(files[name]!) : gitBlob(files[name]!);
    expect((await readdir(join(folder, 'blobs'))).sort()).toEqual(names.map(blobOf).sort());
    for (const name of names) {
      const link = join(folder, 'snapshots', COMMIT, name);
      expect(await readlink(link)).toBe(`../../blobs/${blobOf(name)}`);
      expect(await readFile(link)).toEqual(files[name]);
    }
    requests.length = 0;
    expect(await load()).toBe(value);
    expect(requests).toEqual([`GET /api/models/${ID}/revision/main`]);
  });

  it('brings all its templates, and a GGUF file that a config lies beside', async () => {
    const named = 'additional_chat_templates/tool_use.jinja';
    await serve({ files: { ...files, [named]: Buffer.from('for tools') } });
    const { params, tokenizer } = await loadPretrained(ID);
    disposeParams(params);
    expect(tokenizer.chatTemplate).toMatchObject({ tool_use: 'for tools' });
    await hub!.close();
    const gguf = await readFile(new URL('fixtures/gguf/llama.gguf', import.meta.url));
    const beside = { 'config.json': Buffer.from('{"model_type": "llama"}'), 'tiny.gguf': gguf };
    await serve({ files: beside }, 'some-org/tiny-GGUF');
    const model = await loadPretrained('some-org/tiny-GGUF', { tokenizer: false });
    expect(model.config.layers).toBe(2);
    disposeParams(model.params);
  });

  it('loads shards, from a branch with a slash', async () => {
    const value = await (await serve(), load());
    await hub!.close();
    await serve({ files: sharded });
    const cacheDir = join(root, 'elsewhere');
    expect(await load({ cacheDir, revision: 'refs/pr/1' })).toBe(value);
    const folder = folderOf(cacheDir);
    expect(await readFile(join(folder, 'refs/refs/pr/1'), 'utf8')).toBe(COMMIT);
    expect((await readdir(join(folder, 'snapshots', COMMIT))).sort()).toEqual(
      Object.keys(sharded).sort(),
    );
  });

  it('asks nobody when it is offline', async () => {
    const { requests } = await serve();
    const offline = { localFilesOnly: true };
    await expect(load(offline)).rejects.toThrow(
      `${ID} at main is not in the cache ${join(root, 'hub')}`,
    );
    const value = await load();
    requests.length = 0;
    expect(await load(offline)).toBe(value);
    expect(await load({ ...offline, revision: COMMIT })).toBe(value);
    process.env['HF_HUB_OFFLINE'] = 'yes';
    expect(await load()).toBe(value);
    await expect(load({ revision: 'other' })).rejects.toThrow('at other is not in the cache');
    expect(requests).toEqual([]);
  });

  it('goes on where a broken connection and a killed process have stopped, and tells how far it is', async () => {
    const { cuts, requests } = await serve();
    const weights = files['model.safetensors']!;
    // A part that an earlier process left.
    const blob = join(folderOf(), 'blobs', sha256(weights));
    await mkdir(join(folderOf(), 'blobs'), { recursive: true });
    await writeFile(`${blob}.partial`, weights.subarray(0, 100));
    cuts.push(200);
    const events: HubProgress[] = [];
    await load({ onProgress: (event) => events.push(event) });
    const ranges = requests.filter((line) => line.includes('bytes='));
    expect(ranges.filter((line) => line.startsWith(`GET /${sha256(weights)}`))).toEqual([
      `GET /${sha256(weights)} bytes=100-`,
      `GET /${sha256(weights)} bytes=300-`,
    ]);
    const told = events.filter(
      ({ message }) => message === `downloading model.safetensors of ${ID}`,
    );
    expect(told[0]).toMatchObject({ bytes: 100, totalBytes: weights.length });
    expect(told.at(-1)).toMatchObject({ bytes: weights.length, totalBytes: weights.length });
  });

  it('refuses a download that is damaged, and keeps nothing of it', async () => {
    const weights = files['model.safetensors']!;
    await serve();
    const blobs = join(folderOf(), 'blobs');
    await mkdir(blobs, { recursive: true });
    await writeFile(join(blobs, `${sha256(weights)}.partial`), 'not what the hub has');
    await expect(load()).rejects.toThrow('the download is damaged');
    expect(await readdir(blobs)).not.toContain(`${sha256(weights)}.partial`);
    expect(await load()).toBeTypeOf('number');
  });

  it('mends a snapshot whose blob is gone', async () => {
    await serve();
    const value = await load();
    await rm(join(folderOf(), 'blobs', sha256(files['model.safetensors']!)));
    expect(await load()).toBe(value);
    const link = await lstat(join(folderOf(), 'snapshots', COMMIT, 'model.safetensors'));
    expect(link.isSymbolicLink()).toBe(true);
  });

  it('takes the token from where huggingface_hub does, and shows it to the hub alone', async () => {
    await serve({ token: 'secret' });
    await expect(load()).rejects.toThrow(
      `loadPretrained: the hub answered 401 for ${ID} at main (Invalid username or password.); check the name, or give a token`,
    );
    await expect(load({ token: 'wrong' })).rejects.toThrow('and that the token may read');
    const places: [string, () => Promise<HubOptions>][] = [
      ['an option', async () => ({ token: 'secret' })],
      ['HF_TOKEN', async () => ((process.env['HF_TOKEN'] = ' secret\n'), {})],
      [
        'HF_TOKEN_PATH',
        async () => {
          delete process.env['HF_TOKEN'];
          process.env['HF_TOKEN_PATH'] = join(root, 'my token');
          await writeFile(join(root, 'my token'), 'secret\n');
          return {};
        },
      ],
      [
        'the file of a login',
        async () => {
          delete process.env['HF_TOKEN_PATH'];
          await writeFile(join(root, 'token'), 'secret\n');
          return {};
        },
      ],
    ];
    for (const [place, prepare] of places) {
      const options = await prepare();
      await load({ ...options, cacheDir: join(root, place) }); // the data host refuses tokens
    }
    await expect(load({ token: false })).rejects.toThrow('answered 401');
    process.env['HF_HUB_DISABLE_IMPLICIT_TOKEN'] = '1';
    await expect(load()).rejects.toThrow('answered 401');
  });

  it('says why the hub refuses', async () => {
    await serve();
    await expect(load({}, 'some-org/none')).rejects.toThrow(
      'the hub answered 404 for some-org/none at main (Repository not found); check the name',
    );
    await expect(load({ revision: 'v2' })).rejects.toThrow('there is no such revision');
    await hub!.close();
    await serve({ gated: true });
    await expect(load()).rejects.toThrow('its conditions have to be accepted at');
    await hub!.close();
    await expect(load()).rejects.toThrow('cannot be reached; { localFilesOnly: true }');
    hub = undefined;
  });

  it('follows a model to its new name', async () => {
    hub = await startHub({
      [ID]: { commit: COMMIT, files, movedTo: 'other/name' },
      'other/name': { commit: COMMIT, files },
    });
    process.env['HF_ENDPOINT'] = hub.url;
    await load();
    expect(await readdir(join(root, 'hub'))).toContain('models--some-org--tiny.model');
  });

  it('names the line that converts pickled weights, without fetching them', async () => {
    const { 'model.safetensors': weights, ...rest } = files;
    const { requests } = await serve({ files: { ...rest, 'pytorch_model.bin': weights! } });
    await expect(load()).rejects.toThrow(
      `convert it by python -c 'from transformers import AutoModelForCausalLM as M; M.from_pretrained("${ID}", dtype="auto").save_pretrained("./tiny.model")'`,
    );
    expect(requests).toHaveLength(1);
  });

  it.each<[string, HubOptions]>([
    ['a revision that leads upwards', { revision: '../../main' }],
    ['no revision', { revision: '' }],
    ['a file that leads upwards', { file: '../x.gguf' }],
    ['a file that is no GGUF', { file: 'config.json' }],
  ])('refuses %s', async (_, options) => {
    const { requests } = await serve();
    await expect(load(options)).rejects.toThrow(RangeError);
    expect(requests).toEqual([]);
  });

  it('refuses an index whose shards lie elsewhere', async () => {
    const index = Buffer.from(JSON.stringify({ weight_map: { a: '../../../x.safetensors' } }));
    await serve({ files: { ...sharded, 'model.safetensors.index.json': index } });
    await expect(load()).rejects.toThrow(
      `'a' lies in "../../../x.safetensors", expected the name of`,
    );
  });
});
