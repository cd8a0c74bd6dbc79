/** Measures what training SmolLM2-135M takes, each way in a process of its own, and writes docs/training-memory.md. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

import { format, resolveConfig } from 'prettier';

import { memoryPage } from './page.js';
import type { StepOptions, StepReport } from './types.js';

const step = fileURLToPath(new URL('step.ts', import.meta.url));
const page = new URL('../../../../docs/training-memory.md', import.meta.url);

function measure(options: StepOptions): Promise<StepReport> {
  const flags = ['--import', 'tsx', '--conditions=@cfrl/source'];
  const child = spawn(process.execPath, [...flags, step, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => (output += String(data)));
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) =>
      code === 0
        ? resolve(JSON.parse(output) as StepReport)
        : reject(new Error(`bench:large: ${JSON.stringify(options)} ended with ${code ?? signal}`)),
    );
  });
}

const sizes = { rows: 4, time: 512, microBatches: 2, steps: 2 };
const measured: { options: StepOptions; report: StepReport }[] = [];
for (const lora of [false, true]) {
  for (const rematerialize of [true, false]) {
    const options = { ...sizes, lora, rematerialize };
    const report = await measure(options);
    console.log(JSON.stringify({ options, report }));
    measured.push({ options, report });
  }
}
const text = memoryPage(measured, `${cpus().length} x ${cpus()[0]!.model}`);
const path = fileURLToPath(page);
writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
