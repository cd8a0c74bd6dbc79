import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { disposeParams, useBackend } from '@cfrl/engine';
import { initParams, modelConfig } from '@cfrl/model';
import { type SaveOptions, savePretrained } from '@cfrl/model/node';
import { writeLlama } from './gguf-writer.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const { name } = await useBackend(undefined, { install: false });
/** Linux tells the peak, and only native TensorFlow keeps tensors where it can be compared with their size. */
const measurable = existsSync('/proc/self/clear_refs') && name === 'tensorflow';

describe.skipIf(!measurable)('loading', () => {
  // 172 MB in float32: enough for what the process itself takes to be small beside it. The embedding is a third.
  const config = modelConfig({
    ...{ architecture: 'llama', vocabSize: 16384, hiddenSize: 768, intermediateSize: 2048 },
    ...{ layers: 4, heads: 12, maxPositions: 16, tiedEmbeddings: true },
  });
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'cfrl-memory-'));
    const params = initParams(config, 0);
    const kinds: Readonly<Record<string, SaveOptions>> = {
      mapped: {},
      sharded: { maxShardSize: 2e7 },
      bfloat16: { dtype: 'bfloat16' },
    };
    for (const [kind, options] of Object.entries(kinds)) {
      await savePretrained(join(root, kind), { config, params }, options);
    }
    await savePretrained(join(root, 'unaligned'), { config, params });
    disposeParams(params);
    await writeLlama(join(root, 'gguf.gguf'), config);
    // The same file with a header that is 8 bytes longer, as other libraries may write it.
    const path = join(root, 'unaligned', 'model.safetensors');
    const bytes = await readFile(path);
    const end = 8 + Number(bytes.readBigUInt64LE());
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(end));
    await writeFile(path, [
      length,
      bytes.subarray(8, end),
      Buffer.alloc(8, ' '),
      bytes.subarray(end),
    ]);
  });
  afterAll(() => rm(root, { recursive: true }));

  it.each(['mapped', 'sharded', 'unaligned', 'bfloat16', 'gguf.gguf'])(
    'takes at most 1.3 times the size of what was loaded (%s)',
    (kind) => {
      const script = fileURLToPath(new URL('peak-memory.ts', import.meta.url));
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [
          '--import',
          import.meta.resolve('tsx'),
          '--conditions=@cfrl/source',
          script,
          join(root, kind),
        ],
        { encoding: 'utf8' },
      );
      expect([status, stderr]).toEqual([0, expect.any(String)]);
      const line = stdout.trim().split('\n').at(-1)!;
      const { bytes, loaded, computed } = JSON.parse(line) as Record<string, number>;
      expect(bytes).toBeGreaterThan(1e8);
      expect(loaded! / bytes!).toBeLessThan(1.3);
      // Nothing is copied when it is first used.
      expect((computed! - loaded!) / bytes!).toBeLessThan(0.3);
    },
  );
});
