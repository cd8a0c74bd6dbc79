/** Measures what training SmolLM2-135M takes, each way in a process of its own, and fills docs/training-memory.md: `npm run bench:large`. */
import { processors } from '../machine.js';
import { fillPage, writeRepositoryFile } from '../page.js';
import { runScript } from '../workers.js';
import { type Measured, memoryPart } from './page.js';

const sizes = { rows: 4, time: 512, microBatches: 2, steps: 2 };
const measured: Measured[] = [];
for (const lora of [false, true]) {
  for (const rematerialize of [true, false]) {
    const options = { ...sizes, lora, rematerialize };
    const report = runScript<Measured['report']>(new URL('step.ts', import.meta.url), options);
    console.log(JSON.stringify({ options, report }));
    measured.push({ options, report });
  }
}
const page = 'docs/training-memory.md';
await writeRepositoryFile(
  page,
  await fillPage(page, { measured: memoryPart(measured, processors) }),
);
