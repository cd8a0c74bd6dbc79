/**
 * What it costs that long functions let the event loop turn: the share of the time of `generate` that all turns take together, and
 * the median and longest time between two of them. For a quiet machine: on a busy one a turn waits for a processor, as everything does.
 *
 *     npm run bench:event-loop
 */
import { disposeParams, useBackend } from '@cfrl/engine';
import { byteTokenizer, generate, initParams, modelConfig } from '@cfrl/model';

const ROUNDS = 5;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** Runs with every turn of the loop measured. */
async function measured(work: () => Promise<unknown>) {
  const original = globalThis.setImmediate;
  const [turns, gaps]: number[][] = [[], []];
  const start = performance.now();
  let last = start;
  const timed = (callback: () => void) => {
    const asked = performance.now();
    gaps!.push(asked - last);
    return original(() => {
      last = performance.now();
      turns!.push(last - asked);
      callback();
    });
  };
  globalThis.setImmediate = timed as unknown as typeof setImmediate;
  try {
    await work();
  } finally {
    globalThis.setImmediate = original;
  }
  return { turns: turns!, gaps: gaps!, whole: performance.now() - start };
}

const { name } = await useBackend();
const config = modelConfig({
  ...{ architecture: 'llama', vocabSize: 258, hiddenSize: 128, layers: 4, heads: 4 },
  maxPositions: 256,
});
const model = { config, params: initParams(config, 0), tokenizer: byteTokenizer() };
const prompts = Array.from({ length: 16 }, (_, i) => `prompt ${i}`);
console.log(`generate on ${name}: 16 completions of 128 tokens, ${ROUNDS} times`);
console.log('compile   turns   in turns   between turns   longest');
for (const compile of [false, true, 'xla'] as const) {
  const options = { maxNewTokens: 128, stopTokens: [], compile };
  const run = () => generate(model, prompts, options);
  await run();
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await measured(run));
  const turns = rounds.flatMap((each) => each.turns);
  const gaps = rounds.flatMap((each) => each.gaps);
  const whole = rounds.reduce((all, each) => all + each.whole, 0);
  const inTurns = turns.reduce((all, turn) => all + turn, 0);
  const share = `${((100 * inTurns) / whole).toFixed(3)} %`;
  const [usual, longest] = [median(gaps), Math.max(...gaps)].map((gap) => `${gap.toFixed(0)} ms`);
  console.log(
    `${String(compile).padEnd(7)} ${String(turns.length).padStart(7)} ${share.padStart(10)} ${usual!.padStart(15)} ${longest!.padStart(9)}`,
  );
}
disposeParams(model.params);
