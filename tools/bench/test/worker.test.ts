import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { startWorker } from '../src/client.js';
import { parseReply } from '../src/protocol.js';
import { selectRows } from '../src/rows.js';
import { sourceWorker, workers } from '../src/workers.js';

const folder = mkdtempSync(join(tmpdir(), 'cfrl-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const node = (script: string) => startWorker('test', process.execPath, ['-e', script]);

describe('parseReply', () => {
  it('tells replies from what a library prints', () => {
    expect(parseReply('{"id":1,"result":{}}')).toEqual({ id: 1, result: {} });
    expect([parseReply('warning: x'), parseReply('{"id":'), parseReply('{"loss": 1}')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('startWorker', () => {
  it('says why the process ended', async () => {
    const worker = node('console.error("no luck"); process.exit(3)');
    await expect(worker.call('memory', {})).rejects.toThrow(
      /^test: the process ended with status 3\n {4}no luck$/,
    );
    await expect(worker.call('memory', {})).rejects.toThrow('status 3');
    await worker.close();
  });

  it('says that a program is not there', async () => {
    const worker = startWorker('test', join(folder, 'no'), []);
    await expect(worker.call('memory', {})).rejects.toThrow('could not be started');
    await worker.close();
  });
});

describe('our worker', () => {
  it('prepares, compares, runs and releases each of our programs, on WebAssembly', async () => {
    const all = workers(sourceWorker, undefined, folder);
    const worker = await all.get('wasm');
    const counts: Record<string, string[]> = {};
    for (const name of ['training-step', 'decoding', 'grpo-step']) {
      const job = name;
      const { program, options } = selectRows([`${name}/XS`])[0]!.ours;
      const request = { job, program, options, given: null, folder: join(folder, job) };
      const { check } = await worker.call('prepare', { ...request, bare: false });
      counts[name] = Object.entries(check).map(([of, { length }]) => `${of} ${length}`);
      const { samples, cpuMs } = await worker.call('run', { job, iterations: 2 });
      expect(samples.every((ms) => ms > 0) && samples.length === 2 && cpuMs > 0).toBe(true);
      await worker.call('release', { job });
    }
    expect(counts).toEqual({
      'training-step': ['losses 4'],
      decoding: ['tokens 1536', 'logProbs 1536'],
      'grpo-step': ['logProbs 1536', 'logProbsAfterStep 1536', 'entropy 1', 'reward 1'],
    });
    expect((await worker.call('memory', {})).mebibytes).toBeGreaterThan(50);
    await expect(worker.call('release', { job: 'none' })).rejects.toThrow('wasm: ');
    await all.close();
  });
});
