/** Measures where the time goes, with one thread and with all, and writes docs/performance.md and its charts. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

import { format, resolveConfig } from 'prettier';

import { scalingChart } from './chart.js';
import { performancePage } from './page.js';
import type { Measured } from './worker.js';

const docs = new URL('../../../../docs/', import.meta.url);
const worker = fileURLToPath(new URL('worker.ts', import.meta.url));

function measure(threads: number, models: readonly string[]): Promise<Measured> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=@cfrl/source', worker, ...models],
    {
      env: { ...process.env, CFRL_THREADS: String(threads) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (data) => (output += String(data)));
  return new Promise((resolve, reject) => {
    child.on('close', (code) =>
      code === 0
        ? resolve(JSON.parse(output) as Measured)
        : reject(new Error(`profile: measuring with ${threads} threads ended with ${code}`)),
    );
  });
}

const all = availableParallelism();
const measured = [...(all > 1 ? [await measure(1, [])] : []), await measure(all, ['XS', 'S', 'M'])];
const processor = `${all} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}`;
for (const varied of ['batch', 'time', 'width'] as const) {
  writeFileSync(new URL(`scaling-${varied}.svg`, docs), scalingChart(varied, measured));
}
const file = new URL('performance.md', docs);
const config = await resolveConfig(fileURLToPath(file));
const page = await format(performancePage(measured, processor), { ...config, parser: 'markdown' });
writeFileSync(file, page);
process.stdout.write('Written: docs/performance.md and its charts\n');
