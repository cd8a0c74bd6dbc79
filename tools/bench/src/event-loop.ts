/**
 * What it costs that long functions let the event loop turn: the share of the time of `generate` that all turns take together, and
 * the median and longest time between two of them. For a quiet machine: on a busy one a turn waits for a processor, as everything does.
 *
 *     npm run bench:event-loop
 */
import { useBackend } from '@cfrl/engine';
import { byteTokenizer, generate, initParams, modelConfig } from '@cfrl/model';

import { median } from './statistics.js';

const ROUNDS = 5;

const { name } = await useBackend();
console.log(`generate on ${name}: 16 completions of 128 tokens, ${ROUNDS} times`);
const config = modelConfig({
  architecture: 'llama',
  vocabSize: 258,
  hiddenSize: 128,
  layers: 4,
  heads: 4,
  maxPositions: 256,
});
const model = { config, params: initParams(config, 0), tokenizer: byteTokenizer() };
const prompts = Array.from({ length: 16 }, (_, i) => `prompt ${i}`);

// Every turn of the loop is measured.
const original = globalThis.setImmediate;
const turns: number[] = [];
const gaps: number[] = [];
let last = 0;
const measured = (callback: () => void): NodeJS.Immediate => {
  const asked = performance.now();
  gaps.push(asked - last);
  return original(() => {
    last = performance.now();
    turns.push(last - asked);
    callback();
  });
};
globalThis.setImmediate = measured as typeof setImmediate;

for (const compile of [false, true, 'xla'] as const) {
  const run = () => generate(model, prompts, { maxNewTokens: 128, stopTokens: [], compile });
  await run();
  turns.length = gaps.length = 0;
  const start = performance.now();
  for (let i = 0; i < ROUNDS; i++) {
    last = performance.now();
    await run();
  }
  const inTurns = turns.reduce((all, turn) => all + turn, 0);
  console.table({
    compile: String(compile),
    turns: turns.length,
    'in turns': `${((100 * inTurns) / (performance.now() - start)).toFixed(3)} %`,
    'between turns': `${median(gaps).toFixed(0)} ms`,
    longest: `${Math.max(...gaps).toFixed(0)} ms`,
  });
}
