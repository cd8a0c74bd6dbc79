import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { startWorker } from '../src/worker.js';
import { parseReply } from '../src/protocol.js';
import { selectRows } from '../src/rows.js';
import { sourceWorker, starter } from '../src/workers.js';

const folder = mkdtempSync(join(tmpdir(), 'cfrl-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const node = (script: string) => startWorker('test', process.execPath, ['-e', script]);

describe('parseReply', () => {
  it('tells replies from what a library prints', () => {
    expect(parseReply('{"result":{}}')).toEqual({ result: {} });
    expect([parseReply('warning: x'), parseReply('{"error":'), parseReply('{"loss":1}')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('startWorker', () => {
  it('says why the process ended', async () => {
    const worker = node('console.error("no luck"); process.exit(3)');
    await expect(worker.call('run', { iterations: 1 })).rejects.toThrow(
      /^test: the process ended with status 3\n {4}no luck$/,
    );
    await expect(worker.call('run', { iterations: 1 })).rejects.toThrow('status 3');
    await worker.close();
  });

  it('says that a program is not there', async () => {
    const worker = startWorker('test', join(folder, 'no'), []);
    await expect(worker.call('run', { iterations: 1 })).rejects.toThrow('could not be started');
    await worker.close();
  });
});

describe('our worker', () => {
  it('prepares, compares and runs each of our programs on WebAssembly, and lives on after an error', async () => {
    const worker = starter(sourceWorker, undefined, folder)('wasm');
    const counts: Record<string, string[]> = {};
    for (const name of ['training-step', 'decoding', 'grpo-step']) {
      const { program, options } = selectRows([`${name}/XS`])[0]!.ours;
      const request = { program, options, given: null, folder: join(folder, name), bare: false };
      const wrong = { ...request, program: 'none' };
      await expect(worker.call('prepare', wrong)).rejects.toThrow('wasm: ');
      const { check, versions } = await worker.call('prepare', request);
      expect(Object.keys(versions)).toEqual(['node', 'tensorflow.js wasm']);
      counts[name] = Object.entries(check).map(([of, { length }]) => `${of} ${length}`);
      const { samples, cpuMs, mebibytes } = await worker.call('run', { iterations: 2 });
      expect(samples.every((ms) => ms > 0) && samples.length === 2 && cpuMs > 0).toBe(true);
      expect(mebibytes).toBeGreaterThan(50);
    }
    await worker.close();
    expect(counts).toEqual({
      'training-step': ['losses 4'],
      decoding: ['tokens 1536', 'logProbs 1536'],
      'grpo-step': ['logProbs 1536', 'logProbsAfterStep 1536', 'entropy 1', 'reward 1'],
    });
  });
});
