import {
  type GenerateOptions,
  type LanguageModel,
  byteTokenizer,
  generate,
  generateStream,
  initParams,
  modelConfig,
} from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MODES = [false, true] as const;
let model: LanguageModel;
beforeAll(async () => {
  const config = modelConfig({
    ...{ architecture: 'llama', vocabSize: 258, hiddenSize: 128, layers: 3, heads: 4 },
    maxPositions: 512,
  });
  model = { config, params: initParams(config, 0), tokenizer: byteTokenizer() };
  // Graphs are made before time is taken.
  for (const compile of MODES)
    await generate(model, prompts, { ...options, compile, maxNewTokens: 34 });
});
afterAll(() => tf.dispose(model.params as Record<string, tf.Tensor>));

const prompts = ['one', 'two'];
const options: GenerateOptions = { maxNewTokens: 200, groupSize: 4, stopTokens: [] };

/** Runs, with a timer every millisecond, and says how often it fired and how long all took. */
async function beside(work: () => Promise<unknown>) {
  let fired = 0;
  const timer = setInterval(() => fired++, 1);
  const start = performance.now();
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return { fired, milliseconds: performance.now() - start };
}

const stream = async (more: Partial<GenerateOptions>): Promise<void> => {
  for await (const column of generateStream(model, prompts, { ...options, ...more })) {
    expect(column.length).toBe(8);
  }
};

describe.each(MODES)('while completions are written, compile %s', (compile) => {
  it('the rest of the program lives', async () => {
    for (const work of [
      () => generate(model, prompts, { ...options, compile }),
      () => stream({ compile }),
    ]) {
      const { fired, milliseconds } = await beside(work);
      // A turn every 10 ms and a call into native code; some are lost to a busy machine.
      expect(fired).toBeGreaterThan(Math.min(5, milliseconds / 100));
    }
  });

  it('a signal of the rest of the program ends it, and nothing stays behind', async () => {
    const before = tf.memory().numTensors;
    const reason = new Error('enough');
    for (const run of [
      (signal: AbortSignal) =>
        generate(model, prompts, { ...options, maxNewTokens: 500, compile, signal }),
      (signal: AbortSignal) => stream({ maxNewTokens: 500, compile, signal }),
    ]) {
      const controller = new AbortController();
      let aborted = 0;
      setTimeout(() => {
        aborted = performance.now();
        controller.abort(reason);
      }, 30);
      await expect(run(controller.signal)).rejects.toBe(reason);
      // Within one native call, of at most 16 tokens.
      expect(performance.now() - aborted).toBeLessThan(1000);
      expect(aborted).toBeGreaterThan(0);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('a signal that has aborted before ends it before anything is computed', async () => {
    await expect(
      generate(model, prompts, { ...options, compile, signal: AbortSignal.abort(new Error('no')) }),
    ).rejects.toThrow('no');
  });
});
