import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { disposeParams, type Params } from '@cfrl/engine';
import { byteTokenizer, initParams, modelConfig, tokenizerFromFiles } from '@cfrl/model';
import { loadPretrained, loadTokenizer, savePretrained, saveTokenizer } from '@cfrl/model/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { writeFolderAtomically } from '../src/checkpoint/write-files.js';
import { readKind } from './tokenizer-fixture.js';

const sizes = { vocabSize: 258, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 16 };
const config = modelConfig({ architecture: 'llama', ...sizes });
let params: Params = {};
let root = '';
const at = (...parts: string[]): string => join(root, ...parts);
beforeAll(() => {
  params = initParams(config, 0);
});
afterAll(() => disposeParams(params));
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cfrl places ü-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const save = (folder: string) =>
  savePretrained(folder, { config, params, tokenizer: byteTokenizer() });
const check = async (folder: string): Promise<void> => {
  const model = await loadPretrained(folder);
  expect(Object.keys(model.params)).toEqual(Object.keys(params));
  disposeParams(model.params);
};

describe('a folder to save in', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['that is empty', () => mkdir(at('disk'))],
    [
      'that has files',
      async () => writeFile(join((await mkdir(at('disk'), { recursive: true }))!, 'a'), ''),
    ],
    ['that is not there yet', async () => undefined],
  ])('may be a link to one %s', async (_, prepare) => {
    await prepare();
    await symlink('disk', at('out'));
    await save(at('out'));
    await save(at('out'));
    await check(at('disk'));
    expect((await lstat(at('out'))).isSymbolicLink()).toBe(true);
    expect((await readdir(root)).sort()).toEqual(['disk', 'out']);
  });

  it('is all that is written to, as where a container has a volume', async () => {
    await mkdir(at('volume'));
    const seen: Promise<string[]>[] = [];
    const watching = {
      *[Symbol.iterator]() {
        seen.push(readdir(root), readdir(at('volume')));
        yield new Uint8Array(1);
      },
    };
    await writeFolderAtomically('test', at('volume'), { file: watching });
    const [beside, inside] = await Promise.all(seen);
    expect(beside).toEqual(['volume']);
    expect(inside).toHaveLength(1);
    expect(await readdir(at('volume'))).toEqual(['file']);
  });

  it('is refused before anything is written, where it cannot be', async () => {
    await expect(save('')).rejects.toThrow("savePretrained: folder is '', expected a path");
    await expect(saveTokenizer('', byteTokenizer())).rejects.toThrow("folder is '', expected");
    await mkdir(at('out', 'config.json'), { recursive: true });
    await expect(save(at('out'))).rejects.toThrow(
      `savePretrained: '${at('out', 'config.json')}' is a folder, expected a file or nothing there`,
    );
    expect(await readdir(at('out'))).toEqual(['config.json']);
    await mkdir(at('adapter'));
    await writeFile(at('adapter', 'adapter_config.json'), '{}');
    await expect(save(at('adapter'))).rejects.toThrow(
      `savePretrained: '${at('adapter')}' has an adapter, expected a folder without: transformers would load`,
    );
    expect(await readdir(at('adapter'))).toEqual(['adapter_config.json']);
  });
});

describe('a tokenizer that is saved over another', () => {
  it('is the one that is loaded: nothing of the other stays', async () => {
    const { tokenizer } = readKind('smollm');
    const end = { eos_token: '<|endoftext|>' };
    const old = tokenizerFromFiles({
      ...{ tokenizer, config: end, chatTemplate: 'old' },
      specialTokensMap: { ...end, pad_token: '<pad>' },
    });
    for (const overwrite of ['saveTokenizer', 'savePretrained']) {
      await saveTokenizer(root, old);
      await mkdir(at('additional_chat_templates'), { recursive: true });
      await writeFile(at('additional_chat_templates', 'tool_use.jinja'), 'old');
      await writeFile(at('README.md'), 'mine');
      const other = tokenizerFromFiles({ tokenizer, config: end });
      if (overwrite === 'saveTokenizer') await saveTokenizer(root, other);
      else await savePretrained(root, { config, params, tokenizer: other });
      const loaded = await loadTokenizer(root);
      expect(loaded.chatTemplate).toBeUndefined();
      expect(loaded.specialTokens).toEqual(other.specialTokens);
      expect(await readdir(root)).toContain('README.md');
    }
    // A model without a tokenizer says nothing of those files.
    await saveTokenizer(root, old);
    await savePretrained(root, { config, params });
    expect((await loadTokenizer(root)).chatTemplate).toBe('old');
  });
});
