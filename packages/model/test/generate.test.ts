import { fold, logSoftmax } from '@cfrl/engine';
import {
  charTokenizer,
  forward,
  generate,
  generateStream,
  initParams,
  modelConfig,
} from '@cfrl/model';
import type { Architecture, Completion, GenerateOptions, LanguageModel } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tokenizerOf } from './tokenizer-fixture.js';

const tokenizer = charTokenizer('abcdefghij');
const V = tokenizer.vocabSize;
const END = tokenizer.endToken;
const ARCHITECTURES = ['gpt2', 'llama'] as const;

/** Weights of 0.4, so that the model has opinions. */
function makeModel(architecture: Architecture): LanguageModel {
  const config = modelConfig({
    architecture,
    vocabSize: V,
    hiddenSize: 16,
    layers: 2,
    heads: 4,
    keyValueHeads: architecture === 'gpt2' ? 4 : 2,
    maxPositions: 16,
    initializerRange: 0.4,
  });
  return { config, params: initParams(config, 5), tokenizer };
}

const models = {} as Record<Architecture, LanguageModel>;
beforeAll(() => {
  for (const architecture of ARCHITECTURES) models[architecture] = makeModel(architecture);
});
afterAll(() => {
  for (const model of Object.values(models)) tf.dispose(model.params as Record<string, tf.Tensor>);
});

/** Log-probabilities of every next token, by one uncached pass over the whole sequence. */
const uncached = ({ params, config }: LanguageModel, tokens: readonly number[]): number[][] =>
  tf.tidy(() => {
    const input = { tokens: tf.tensor2d([[...tokens]], [1, tokens.length], 'int32') };
    return (logSoftmax(forward(params, config, input).logits).arraySync() as number[][][])[0]!;
  });

function expectClose(actual: readonly Completion[], expected: readonly Completion[]): void {
  expect(actual.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
  actual.forEach(({ logProbs }, i) =>
    logProbs.forEach((logProb, t) => expect(logProb).toBeCloseTo(expected[i]!.logProbs[t]!, 4)),
  );
}

const prompt = fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 6 });

describe.each(ARCHITECTURES)('generate, %s', (architecture) => {
  it('records the log-probabilities of the uncached model, whatever the sampling options', async () => {
    const model = models[architecture];
    await fc.assert(
      fc.asyncProperty(
        fc.array(prompt, { minLength: 1, maxLength: 4 }),
        fc.record({
          groupSize: fc.integer({ min: 1, max: 3 }),
          temperature: fc.constantFrom(0, 0.5, 1, 2),
          topK: fc.integer({ min: 1, max: V }),
          topP: fc.double({ min: 0.2, max: 1, noNaN: true }),
          seed: fc.nat(),
        }),
        async (prompts, options) => {
          const completions = await generate(model, prompts, { ...options, maxNewTokens: 6 });
          expect(completions.length).toBe(prompts.length * options.groupSize);
          completions.forEach(({ promptTokens, tokens, logProbs, finishReason }, i) => {
            expect(promptTokens).toEqual(prompts[Math.floor(i / options.groupSize)]);
            const all = uncached(model, [...promptTokens, ...tokens]);
            tokens.forEach((token, t) => {
              const expected = all[promptTokens.length + t - 1]![token]!;
              expect(Math.abs(logProbs[t]! - expected)).toBeLessThan(
                1e-5 * (1 + Math.abs(expected)),
              );
            });
            expect(tokens.indexOf(END)).toBe(finishReason === 'stop' ? tokens.length - 1 : -1);
            if (finishReason === 'length') expect(tokens.length).toBe(6);
          });
        },
      ),
      { numRuns: 15 },
    );
  });

  it('gives a completion that does not depend on the rest of the batch', async () => {
    const model = models[architecture];
    await fc.assert(
      fc.asyncProperty(
        fc.array(prompt, { minLength: 2, maxLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(),
        async (prompts, groupSize, seed) => {
          const options = { maxNewTokens: 6, stopTokens: [END, 1, 2] };
          const together = await generate(model, prompts, { ...options, groupSize, seed });
          for (let p = 0; p < prompts.length; p++) {
            for (let i = 0; i < groupSize; i++) {
              const alone = await generate(model, [prompts[p]!], {
                ...options,
                seeds: [fold(seed, p, i)],
              });
              expectClose([together[p * groupSize + i]!], alone);
            }
          }
        },
      ),
      { numRuns: 8 },
    );
  });

  it('draws greedily the most probable token of the uncached model, and again the same', async () => {
    const model = models[architecture];
    const options = { maxNewTokens: 8, temperature: 0, stopTokens: [] };
    const completions = await generate(model, ['abc', 'fa', 'j'], options);
    for (const { promptTokens, tokens } of completions) {
      const all = uncached(model, [...promptTokens, ...tokens]);
      tokens.forEach((token, t) => {
        const row = all[promptTokens.length + t - 1]!;
        expect(token).toBe(row.indexOf(Math.max(...row)));
      });
    }
    expect(new Set(completions.flatMap(({ tokens }) => tokens)).size).toBeGreaterThan(2);
    expect(await generate(model, ['abc', 'fa', 'j'], { ...options, seed: 9 })).toEqual(completions);
  });
});

describe.each([true, 'xla'] as const)('generate with compile %s', (compile) => {
  it.each(ARCHITECTURES)(
    'writes what the operations one by one write, %s',
    async (architecture) => {
      const model = models[architecture];
      const prompts = ['a', 'bcd', 'ee', 'fghij'];
      const options = { maxNewTokens: 9, groupSize: 3, stopTokens: [END, 1, 2], seed: 4 };
      const eager = await generate(model, prompts, options);
      expectClose(await generate(model, prompts, { ...options, compile }), eager);
      // Graphs of equal shapes serve other weights, prompts and seeds.
      const params = initParams(model.config, 6);
      const other = { ...model, params };
      const later = { ...options, seed: 5 };
      expectClose(
        await generate(other, ['j', 'ihg', 'ff', 'edcba'], { ...later, compile }),
        await generate(other, ['j', 'ihg', 'ff', 'edcba'], later),
      );
      tf.dispose(params as Record<string, tf.Tensor>);
    },
  );
});

describe('generate', () => {
  const failing = (prompts: (string | number[])[], options: Partial<GenerateOptions>) =>
    generate(models.gpt2, prompts, { maxNewTokens: 4, ...options });

  it('samples tokens as often as the policy says', async () => {
    const model = models.llama;
    const n = 4000;
    const completions = await generate(model, ['ab'], { maxNewTokens: 1, groupSize: n, seed: 3 });
    const counts = new Array<number>(V).fill(0);
    completions.forEach(({ tokens }) => counts[tokens[0]!]!++);
    const expected = uncached(model, tokenizer.encode('ab'))[1]!.map(Math.exp);
    // 4.5 standard deviations of a binomial, for each of the 12 tokens
    expected.forEach((p, token) => {
      expect(Math.abs(counts[token]! / n - p)).toBeLessThan(
        4.5 * Math.sqrt((p * (1 - p)) / n) + 1e-3,
      );
    });
  });

  it('draws only among the k most probable, or the fewest that reach topP', async () => {
    const model = models.gpt2;
    const row = uncached(model, tokenizer.encode('ab'))[1]!.map(Math.exp);
    const order = row.map((_, i) => i).sort((a, b) => row[b]! - row[a]!);
    const drawn = async (options: Partial<GenerateOptions>): Promise<Set<number>> => {
      const all = await generate(model, ['ab'], { maxNewTokens: 1, groupSize: 2000, ...options });
      return new Set(all.map(({ tokens }) => tokens[0]!));
    };
    expect(await drawn({ topK: 3 })).toEqual(new Set(order.slice(0, 3)));
    const half = row[order[0]!]! + row[order[1]!]! / 2;
    expect(await drawn({ topP: half })).toEqual(new Set(order.slice(0, 2)));
    expect(await drawn({ topP: 1e-9 })).toEqual(new Set(order.slice(0, 1)));
  });

  it('sharpens with a low temperature and flattens with a high one', async () => {
    const topShare = async (temperature: number): Promise<number> => {
      const all = await generate(models.gpt2, ['ab'], {
        maxNewTokens: 1,
        groupSize: 500,
        temperature,
      });
      const counts = new Map<number, number>();
      all.forEach(({ tokens }) => counts.set(tokens[0]!, (counts.get(tokens[0]!) ?? 0) + 1));
      return Math.max(...counts.values()) / 500;
    };
    const row = uncached(models.gpt2, tokenizer.encode('ab'))[1]!;
    for (const temperature of [0.3, 1, 3]) {
      const powered = row.map((logProb) => Math.exp(logProb / temperature));
      const top = Math.max(...powered) / powered.reduce((sum, p) => sum + p, 0);
      expect(Math.abs((await topShare(temperature)) - top)).toBeLessThan(0.1);
    }
  });

  it('takes texts and tokens alike, and leaves the stop token out of the text', async () => {
    const [text, tokens] = await generate(models.gpt2, ['abc', [0, 1, 2]], {
      maxNewTokens: 8,
      seeds: [7, 7],
      stopTokens: [0, 1, 2, 3, 4, 5],
    });
    expect(text).toEqual(tokens);
    expect(text!.prompt).toBe('abc');
    expect(text!.finishReason).toBe('stop');
    expect(text!.text).toBe(tokenizer.decode(text!.tokens.slice(0, -1)));
  });

  it('streams the columns that the completions are made of', async () => {
    const options = { maxNewTokens: 8, groupSize: 3, seed: 2, stopTokens: [0, 1, 2, 3] };
    const completions = await generate(models.llama, ['ab', 'cde'], options);
    const tokens: number[][] = completions.map(() => []);
    const reasons: unknown[] = [];
    const stream = generateStream(models.llama, ['ab', 'cde'], options);
    let columns = 0;
    for (let step = await stream.next(); ; step = await stream.next()) {
      if (step.done) {
        expect(step.value).toEqual(completions);
        break;
      }
      columns++;
      for (const { completion, token, finishReason } of step.value) {
        expect(reasons[completion]).toBeUndefined();
        tokens[completion]!.push(token);
        reasons[completion] = finishReason;
      }
    }
    expect(tokens).toEqual(completions.map((completion) => completion.tokens));
    expect(reasons).toEqual(completions.map(({ finishReason }) => finishReason));
    expect(columns).toBe(Math.max(...tokens.map((row) => row.length)));
    expect(new Set(tokens.map((row) => row.length)).size).toBeGreaterThan(1);
  });

  it('frees everything when left early or aborted', async () => {
    for await (const column of generateStream(models.gpt2, ['a'], { maxNewTokens: 8 })) {
      expect(column.length).toBe(1);
      break;
    }
    const controller = new AbortController();
    const consume = async (): Promise<void> => {
      const stream = generateStream(models.gpt2, ['a', 'bc'], {
        maxNewTokens: 8,
        stopTokens: [],
        signal: controller.signal,
      });
      for await (const column of stream) {
        expect(column.length).toBe(2);
        controller.abort(new Error('enough'));
      }
    };
    await expect(consume()).rejects.toThrow('enough');
    await expect(failing(['a'], { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('returns nothing for no prompts', async () => {
    expect(await generate(models.gpt2, [], { maxNewTokens: 4 })).toEqual([]);
  });

  it.each([
    [['a', ''], {}, 'generate: prompts[1] is empty, expected at least one token'],
    [[[0, V]], {}, `generate: prompts[0][1] is ${V}, expected a token in [0, ${V})`],
    [[[0.5]], {}, `generate: prompts[0][0] is 0.5, expected a token in [0, ${V})`],
    [['aaa'], { maxNewTokens: 14 }, 'generate: prompts[0] has 3 tokens, expected at most 2'],
    [['a'], { maxNewTokens: 0 }, 'generate: maxNewTokens is 0, expected a positive integer'],
    [['a'], { temperature: -1 }, 'generate: temperature is -1, expected a number in [0,'],
    [['a'], { temperature: NaN }, 'generate: temperature is NaN'],
    [['a'], { topP: 0 }, 'generate: topP is 0'],
    [['a'], { topK: 0 }, 'generate: topK is 0, expected a positive integer'],
    [['a'], { stopTokens: [V] }, `generate: stopTokens[0] is ${V}`],
    [['a'], { seeds: [1, 2] }, 'generate: seeds has 2 entries, expected 1 (prompts * groupSize)'],
    [['a'], { seeds: [-1] }, 'generate: seeds[0] is -1'],
    [['a?'], {}, 'encode: character 1 of text is "?" (U+003F), expected one of the 10'],
  ] as const)('refuses %j with %j', async (prompts, options, message) => {
    await expect(failing(prompts as never, options)).rejects.toThrow(message);
  });

  it('refuses a model that has diverged', async () => {
    const model = models.gpt2;
    const nan = tf.fill([V, 16], NaN);
    const params = { ...model.params, 'lm_head.weight': nan };
    await expect(generate({ ...model, params }, ['a'], { maxNewTokens: 1 })).rejects.toThrow(
      'generate: logit of token 0 is NaN, expected a finite number; the model has diverged',
    );
    nan.dispose();
  });
});

describe('a text prompt', () => {
  it('begins as the texts of its model do, a prompt of tokens as it is', async () => {
    const llama = tokenizerOf('llama2');
    const size = { hiddenSize: 8, layers: 1, heads: 2, maxPositions: 16 };
    const config = modelConfig({ architecture: 'llama', vocabSize: llama.vocabSize, ...size });
    const model = { config, params: initParams(config, 0), tokenizer: llama };
    const [text, tokens] = await generate(model, ['cat', llama.encode('cat')], { maxNewTokens: 1 });
    const start = llama.tokenId('<s>')!;
    expect(text!.promptTokens).toEqual([start, ...llama.encode('cat')]);
    expect(tokens!.promptTokens).toEqual(llama.encode('cat'));
    tf.dispose(model.params);
  });
});
