import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import * as metrics from '@cfrl/metrics';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

/** Bytes of a bundle that exports the given names and no more: minified, gzipped. */
async function bytesOf(names: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export ${names} from './index.ts';`,
      resolveDir: fileURLToPath(new URL('../src', import.meta.url)),
    },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

describe('size', () => {
  it('is below 30 kB for the whole package', async () => {
    const whole = await bytesOf('*');
    expect(whole).toBeLessThan(30_000);
    // And no empty bundle.
    expect(whole).toBeGreaterThan(10_000);
  });

  it('is below 2 kB for any one function', async () => {
    const sizes = await Promise.all(
      Object.keys(metrics).map(async (name) => ({ name, bytes: await bytesOf(`{ ${name} }`) })),
    );
    expect(sizes.filter(({ bytes }) => bytes >= 2000)).toEqual([]);
  });
});
