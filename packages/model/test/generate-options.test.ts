import { logSoftmax, fold } from '@cfrl/engine';
import {
  type Completion,
  type GenerateOptions,
  type LanguageModel,
  type LogitsProcessor,
  badWords,
  byteTokenizer,
  charTokenizer,
  forward,
  frequencyPenalty,
  generate,
  generateStream,
  initParams,
  jsonConstraint,
  logitBias,
  minP,
  modelConfig,
  noRepeatNgrams,
  presencePenalty,
  regexConstraint,
  repetitionPenalty,
  temperature,
  topK,
  topP,
  typicalP,
} from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const letters = charTokenizer('abcdefghij');
const bytes = byteTokenizer();
const MODES = [false, true, 'xla'] as const;

let model: LanguageModel;
let byteModel: LanguageModel;
beforeAll(() => {
  const shape = {
    architecture: 'llama',
    hiddenSize: 16,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
  } as const;
  const config = modelConfig({ ...shape, vocabSize: 12, maxPositions: 48, initializerRange: 0.4 });
  model = { config, params: initParams(config, 5), tokenizer: letters };
  const wide = modelConfig({ ...shape, vocabSize: 258, maxPositions: 64, initializerRange: 0.4 });
  byteModel = { config: wide, params: initParams(wide, 6), tokenizer: bytes };
});
afterAll(() => {
  tf.dispose([model.params, byteModel.params] as unknown as tf.TensorContainer);
});

/** Logits and features of every next token, by one uncached pass over the whole sequence. */
const uncached = ({ params, config }: LanguageModel, tokens: readonly number[]) =>
  tf.tidy(() => {
    const input = { tokens: tf.tensor2d([[...tokens]], [1, tokens.length], 'int32') };
    const { logits, features } = forward(params, config, input);
    return {
      logits: (logits.arraySync() as number[][][])[0]!,
      logProbs: (logSoftmax(logits).arraySync() as number[][][])[0]!,
      features: (features.arraySync() as number[][][])[0]!,
    };
  });

const prompt = fc.array(fc.nat(11), { minLength: 1, maxLength: 6 });
const expectNear = (actual: number, expected: number): void =>
  expect(Math.abs(actual - expected)).toBeLessThan(2e-5 * (1 + Math.abs(expected)));

const processor = fc.oneof(
  fc.constantFrom(0.5, 1.5).map((value) => temperature(value)),
  fc.integer({ min: 3, max: 12 }).map((k) => topK(k)),
  fc.constantFrom(0.6, 0.9).map((p) => topP(p)),
  fc.constantFrom(0.05, 0.2).map((p) => minP(p)),
  fc.constantFrom(0.5, 0.9).map((p) => typicalP(p)),
  fc.constantFrom(0.8, 1.5).map((penalty) => repetitionPenalty(penalty)),
  fc.constantFrom(-1, 1).map((penalty) => presencePenalty(penalty)),
  fc.constantFrom(-0.5, 0.5).map((penalty) => frequencyPenalty(penalty)),
  fc.constantFrom(2, 3).map((n) => noRepeatNgrams(n)),
  fc.constant(badWords([[1, 2], [3]])),
  fc.constant(logitBias({ 0: 2, 5: -Infinity })),
);

describe('generate with processors', () => {
  it('draws from what they make of the model, and says both log-probabilities and the features', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(prompt, { minLength: 1, maxLength: 3 }),
        fc.array(processor, { maxLength: 4 }),
        fc.nat(),
        fc.constantFrom(0, 1, 0.7),
        async (prompts, processors, seed, cooling) => {
          const options = { maxNewTokens: 6, groupSize: 2, processors, seed, features: true };
          const completions = await generate(model, prompts, { ...options, temperature: cooling });
          for (const completion of completions) {
            const { promptTokens, tokens, logProbs, sampledLogProbs, features } = completion;
            const all = uncached(model, [...promptTokens, ...tokens]);
            tokens.forEach((token, t) => {
              const at = promptTokens.length + t - 1;
              const written = { prompt: promptTokens, tokens: tokens.slice(0, t) };
              const made = processors.reduce<Float64Array>(
                (logits, { apply }) => apply(logits, written),
                Float64Array.from(all.logits[at]!),
              );
              const weights = made.map((logit) => Math.exp(logit / (cooling || 1)));
              expect(weights[token]).toBeGreaterThan(0);
              const sum = weights.reduce((a, b) => a + b, 0);
              expectNear(sampledLogProbs[t]!, cooling === 0 ? 0 : Math.log(weights[token]! / sum));
              if (cooling === 0) expectNear(made[token]!, Math.max(...made));
              expectNear(logProbs[t]!, all.logProbs[at]![token]!);
              features![t]!.forEach((x, i) => expectNear(x, all.features[at]![i]!));
            });
            expect(features!.length).toBe(tokens.length);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('draws tokens as often as the distribution that they make says', async () => {
    const n = 3000;
    const processors = [repetitionPenalty(1.5), temperature(0.8), minP(0.05)];
    const options = { maxNewTokens: 1, groupSize: n, seed: 3, processors };
    const completions = await generate(model, ['ab'], options);
    const counts = new Array<number>(12).fill(0);
    completions.forEach(({ tokens }) => counts[tokens[0]!]!++);
    const start = Float64Array.from(uncached(model, [0, 1]).logits[1]!);
    const made = processors.reduce<Float64Array>(
      (logits, { apply }) => apply(logits, { prompt: [0, 1], tokens: [] }),
      start,
    );
    const weights = made.map(Math.exp);
    const sum = weights.reduce((a, b) => a + b, 0);
    weights.forEach((weight, token) => {
      const p = weight / sum;
      // 4.5 standard deviations of a binomial
      expect(Math.abs(counts[token]! / n - p)).toBeLessThan(
        4.5 * Math.sqrt((p * (1 - p)) / n) + 1e-9,
      );
    });
  });

  it.each(MODES)('gives features and both log-probabilities when compiled, %s', async (compile) => {
    const options = { maxNewTokens: 20, groupSize: 2, features: true, stopTokens: [1], compile };
    for (const cooling of [0.7, 0]) {
      const completions = await generate(model, ['abc', 'd'], { ...options, temperature: cooling });
      for (const { promptTokens, tokens, logProbs, sampledLogProbs, features } of completions) {
        const all = uncached(model, [...promptTokens, ...tokens]);
        expect(features!.length).toBe(tokens.length);
        tokens.forEach((token, t) => {
          const at = promptTokens.length + t - 1;
          const row = all.logits[at]!;
          expectNear(logProbs[t]!, all.logProbs[at]![token]!);
          const sum = row.reduce((total, logit) => total + Math.exp(logit / cooling), 0);
          expectNear(sampledLogProbs[t]!, cooling ? row[token]! / cooling - Math.log(sum) : 0);
          if (cooling === 0) expectNear(row[token]!, Math.max(...row));
          features![t]!.forEach((x, i) => expectNear(x, all.features[at]![i]!));
        });
      }
    }
  });

  it('says nothing of features when they are not asked for', async () => {
    const [completion] = await generate(model, ['a'], { maxNewTokens: 2 });
    expect(completion).not.toHaveProperty('features');
  });
});

/** The tokens, and log-probabilities within rounding. */
const expectSame = (actual: Completion, expected: Completion): void => {
  expect(actual.tokens).toEqual(expected.tokens);
  expect(actual.text).toBe(expected.text);
  for (const kind of ['logProbs', 'sampledLogProbs'] as const) {
    actual[kind].forEach((logProb, t) => expectNear(logProb, expected[kind][t]!));
  }
};

describe('a completion', () => {
  /** Drawn in the same way: where a product's rows do not depend on how many there are, to the bit. */
  const expectEqual = (actual: Completion, expected: Completion): void =>
    tf.getBackend() === 'wasm' ? expect(actual).toEqual(expected) : expectSame(actual, expected);
  const noChange: LogitsProcessor = { name: 'noChange', apply: (logits) => logits };
  const request = fc.record({
    prompt,
    seed: fc.nat(),
  });

  it.each(MODES)(
    'depends on its seed and prompt, not on its batch, order or chunks, compile %s',
    async (compile) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(request, { minLength: 2, maxLength: 5 }),
          fc.constantFrom<Partial<GenerateOptions>>(
            {},
            { temperature: 0.6 },
            { stopStrings: ['ab', 'ja'] },
            { processors: [repetitionPenalty(1.3), noRepeatNgrams(2), topP(0.9)] },
          ),
          async (requests, some) => {
            // Rows leave: b and c end completions.
            const options = { maxNewTokens: 19, stopTokens: [1, 2, 11], compile, ...some };
            const run = (all: typeof requests, more: Partial<GenerateOptions> = {}) =>
              generate(
                model,
                all.map((each) => each.prompt),
                {
                  ...{ ...options, ...more },
                  seeds: all.map(({ seed }) => seed),
                },
              );
            const together = await run(requests);
            const reversed = (await run([...requests].reverse())).reverse();
            const alone = await run(requests.slice(0, 1));
            const stepwise = await run(requests, {
              processors: [...(some.processors ?? []), noChange],
            });
            together.forEach((each, i) => {
              expectEqual(reversed[i]!, each);
              expectSame(stepwise[i]!, each);
            });
            expectEqual(alone[0]!, together[0]!);
            // And to the bit if it is all the same.
            expect(await run(requests)).toEqual(together);
          },
        ),
        { numRuns: compile === false ? 8 : 4 },
      );
    },
  );

  it('of a group is the same alone, with all processors of history', async () => {
    const options = {
      maxNewTokens: 12,
      processors: [repetitionPenalty(1.4), frequencyPenalty(0.3), noRepeatNgrams(3), minP(0.02)],
    };
    const group = await generate(model, ['abc', 'j'], { ...options, groupSize: 3, seed: 8 });
    for (const [i, each] of group.entries()) {
      const seeds = [fold(8, Math.floor(i / 3), i % 3)];
      const [alone] = await generate(model, [each.promptTokens], { ...options, seeds });
      expectEqual(alone!, each);
    }
  });
});

describe('generate inside of a graph', () => {
  it.each([true, 'xla'] as const)(
    'filters and draws as it does token by token, compile %s',
    async (compile) => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            temperature: fc.constantFrom(0.5, 1, 3),
            topK: fc.integer({ min: 1, max: 258 }),
            topP: fc.constantFrom(1, 0.99, 0.7, 0.2, 1e-9),
            seed: fc.nat(),
          }),
          async (sampling) => {
            const options = { maxNewTokens: 12, groupSize: 8, features: true, ...sampling };
            const expected = await generate(byteModel, ['ab', 'c'], options);
            const completions = await generate(byteModel, ['ab', 'c'], { ...options, compile });
            // 258 tokens are too many to be filtered there, 12 are not.
            const few = await generate(model, ['ab', 'c'], { ...options, compile });
            const fewExpected = await generate(model, ['ab', 'c'], options);
            [...completions, ...few].forEach((each, i) =>
              expectSame(each, [...expected, ...fewExpected][i]!),
            );
          },
        ),
        { numRuns: 8 },
      );
    },
  );

  it('keeps ties of top-k, and of those of top-p the first', async () => {
    // All logits are 0, so that every token is as probable as any.
    const zeros = tf.zeros([12, 16]);
    const flat = { ...model, params: { ...model.params, 'lm_head.weight': zeros } };
    const options = { maxNewTokens: 16, groupSize: 40, stopTokens: [] };
    for (const compile of MODES) {
      const all = await generate(flat, ['a'], { ...options, compile, topK: 3 });
      expect(new Set(all.flatMap(({ tokens }) => tokens)).size).toBe(12);
      const some = await generate(flat, ['a'], { ...options, compile, topK: 3, topP: 0.2 });
      expect(new Set(some.flatMap(({ tokens }) => tokens))).toEqual(new Set([0, 1, 2]));
      for (const { sampledLogProbs } of some) {
        sampledLogProbs.forEach((logProb) => expect(logProb).toBeCloseTo(-Math.log(3), 5));
      }
    }
    zeros.dispose();
  });

  it('draws from large vocabularies by the same numbers', async () => {
    const characters = Array.from({ length: 1500 }, (_, i) => String.fromCodePoint(0x4e00 + i));
    const tokenizer = charTokenizer(characters.join(''));
    const config = modelConfig({
      ...{ architecture: 'gpt2', vocabSize: 1502, hiddenSize: 16, layers: 1, heads: 2 },
      ...{ maxPositions: 24, initializerRange: 0.6 },
    });
    const params = initParams(config, 1);
    const large = { config, params, tokenizer };
    // The second token is drawn in the graph.
    const options = { maxNewTokens: 2, groupSize: 300, stopTokens: [] };
    for (const cooling of [0.5, 1, 30]) {
      const run = (compile: boolean) =>
        generate(large, [[3], [1000]], { ...options, compile, temperature: cooling });
      const [expected, completions] = [await run(false), await run(true)];
      const seconds = expected.map(({ tokens }) => tokens[1]!);
      const different = completions.filter((each, i) => each.tokens[1] !== seconds[i]);
      // Of so many tokens, about equally probable at 30, rounding decides now and then between two neighbours.
      expect(different.length).toBeLessThan(cooling === 30 ? 6 : 2);
      completions.forEach((each, i) => {
        expect(Math.abs(each.tokens[1]! - seconds[i]!)).toBeLessThanOrEqual(1);
        if (each.tokens[1] === seconds[i]) expectSame(each, expected[i]!);
      });
      expect(new Set(seconds).size).toBeGreaterThan(cooling === 30 ? 300 : 20);
    }
    tf.dispose(params as Record<string, tf.Tensor>);
  });
});

/** What a stream yields: the pieces of text of each completion, and the completions. */
async function pieces(
  of: LanguageModel,
  prompts: readonly (string | number[])[],
  options: GenerateOptions,
): Promise<{ texts: string[][]; completions: Completion[] }> {
  const stream = generateStream(of, prompts, options);
  const texts: string[][] = [];
  for (;;) {
    const { done, value } = await stream.next();
    if (done) return { texts, completions: value };
    for (const { completion, text } of value) (texts[completion] ??= []).push(text);
  }
}

describe('generateStream', () => {
  it.each([false, true])(
    'yields text that is never taken back, and no half characters, compile %s',
    async (compile) => {
      // Bytes of characters of two, three and four bytes, and few others, so that many are complete.
      const likely = [...new TextEncoder().encode('aé€😀')];
      const processors = [logitBias(Object.fromEntries(likely.map((byte) => [byte, 6])))];
      for (const some of [{ processors }, {}]) {
        const options = { maxNewTokens: 30, groupSize: 6, seed: 4, compile, ...some };
        const { texts, completions } = await pieces(byteModel, ['é', 'x'], options);
        expect(completions).toEqual(await generate(byteModel, ['é', 'x'], options));
        completions.forEach(({ text, tokens, finishReason }, i) => {
          expect(texts[i]!.join('')).toBe(text);
          expect(texts[i]!.length).toBe(tokens.length);
          const shown = finishReason === 'stop' ? tokens.slice(0, -1) : tokens;
          expect(text).toBe(bytes.decode(shown));
          // Before the end: what is shown is the beginning of any text that goes on so.
          let so = '';
          texts[i]!.slice(0, -1).forEach((piece, t) => {
            so += piece;
            for (const next of [[], [0x61], [0x80], [0x80, 0x80]]) {
              expect(bytes.decode([...tokens.slice(0, t + 1), ...next]).startsWith(so)).toBe(true);
            }
            expect(so).not.toMatch(/\p{Surrogate}/u);
          });
        });
      }
      const options = { maxNewTokens: 30, groupSize: 20, seed: 4, compile, processors };
      const { texts } = await pieces(byteModel, ['é'], options);
      expect(texts.flat().some((piece) => /^[é€😀]$/u.test(piece))).toBe(true);
      expect(texts.flat()).toContain('');
    },
  );

  it.each([false, true])(
    'holds back what may be a stop string, and ends at the first, compile %s',
    async (compile) => {
      const stopStrings = ['aba', 'ab', 'cc', 'ba', 'ded', 'hi', 'jd', 'f', 'gfg'];
      const free = { maxNewTokens: 30, groupSize: 30, seed: 6, compile, temperature: 2 };
      const options = { ...free, stopStrings };
      const { texts, completions } = await pieces(model, ['a'], options);
      const unstopped = await generate(model, ['a'], free);
      let stopped = 0;
      // Special tokens have no text.
      const lengthOf = (tokens: readonly number[], text: string): number =>
        tokens.findIndex((_, t) => letters.decode(tokens.slice(0, t + 1)) === text) + 1;
      completions.forEach(({ text, tokens, finishReason }, i) => {
        const whole = unstopped[i]!;
        // Letter by letter: the first text that ends with a stop string.
        const ends = Array.from(whole.text, (_, end) => whole.text.slice(0, end + 1)).find(
          (begun) => stopStrings.some((stop) => begun.endsWith(stop)),
        );
        const stop = stopStrings.find((each) => ends?.endsWith(each));
        expect(text).toBe(ends === undefined ? whole.text : ends.slice(0, -stop!.length));
        expect(tokens).toEqual(
          ends === undefined ? whole.tokens : whole.tokens.slice(0, lengthOf(whole.tokens, ends)),
        );
        expect(finishReason).toBe(ends === undefined ? whole.finishReason : 'stop');
        expect(texts[i]!.join('')).toBe(text);
        if (ends !== undefined) stopped++;
      });
      expect(stopped).toBeGreaterThan(5);
      expect(stopped).toBeLessThan(30);
      expect(await generate(model, ['a'], options)).toEqual(completions);
    },
  );

  it('ends at the stop string that ends first, of those the longest, though a token has several', async () => {
    // A token is written as three letters, a = abc, b = bcd, ..., so that stop strings end within tokens.
    const alphabet = 'abcdefghijkl';
    const decode = (tokens: readonly number[]): string =>
      tokens.map((token) => (token < 10 ? alphabet.slice(token, token + 3) : '')).join('');
    const triple = { ...model, tokenizer: { ...letters, decode } };
    const stopStrings = ['cde', 'de', 'gh', 'ghi', 'ea', 'fg', 'f', 'jk', 'bca', 'i'];
    const free = { maxNewTokens: 12, groupSize: 60, seed: 6, temperature: 3 };
    const { texts, completions } = await pieces(triple, ['a'], { ...free, stopStrings });
    const unstopped = await generate(triple, ['a'], free);
    const found = new Set<string>();
    completions.forEach(({ text, tokens }, i) => {
      const whole = unstopped[i]!.text;
      const ends = Array.from(whole, (_, end) => whole.slice(0, end + 1)).find((begun) =>
        stopStrings.some((stop) => begun.endsWith(stop)),
      );
      const stops = stopStrings.filter((each) => ends?.endsWith(each));
      const stop = stops.sort((a, b) => b.length - a.length)[0];
      expect(text).toBe(ends === undefined ? whole : ends.slice(0, -stop!.length));
      expect(texts[i]!.join('')).toBe(text);
      expect(decode(tokens).startsWith(ends ?? whole)).toBe(true);
      expect(decode(tokens.slice(0, -1)).length).toBeLessThan(ends?.length ?? Infinity);
      if (stop) found.add(stop);
    });
    expect(found.size).toBeGreaterThan(3);
  });

  it('is stopped by a signal in the middle of a chunk', async () => {
    const controller = new AbortController();
    const options = { maxNewTokens: 30, stopTokens: [], compile: true, signal: controller.signal };
    let columns = 0;
    const consume = async (): Promise<void> => {
      for await (const column of generateStream(model, ['a', 'bc'], options)) {
        expect(column.length).toBe(2);
        if (++columns === 4) controller.abort(new Error('enough'));
      }
    };
    await expect(consume()).rejects.toThrow('enough');
    expect(columns).toBe(4);
  });
});

describe('generate with minNewTokens', () => {
  it.each([false, true])(
    'ends by no stop token and no stop string before, compile %s',
    async (compile) => {
      const options = { maxNewTokens: 12, groupSize: 40, stopTokens: [0, 1, 2, 3], compile };
      const all = await generate(model, ['e'], { ...options, minNewTokens: 5 });
      all.forEach(({ tokens }) => {
        expect(tokens.length).toBeGreaterThan(5);
        expect(tokens.slice(0, 5).some((token) => token < 4)).toBe(false);
      });
      expect(all.some(({ tokens }) => tokens.length === 6)).toBe(true);
      const strings = {
        maxNewTokens: 12,
        groupSize: 40,
        stopTokens: [],
        stopStrings: ['a', 'b'],
        compile,
      };
      const later = await generate(model, ['e'], { ...strings, minNewTokens: 5 });
      later.forEach(({ tokens, text, finishReason }) => {
        const first = tokens.findIndex((token, t) => t >= 4 && token < 2);
        expect(tokens.length).toBe(first < 0 ? 12 : first + 1);
        expect(finishReason).toBe(first < 0 ? 'length' : 'stop');
        expect(text).toBe(letters.decode(first < 0 ? tokens : tokens.slice(0, -1)));
      });
      expect(later.some(({ text }) => /[ab]/.test(text))).toBe(true);
    },
  );
});

describe('generate with a constraint', () => {
  it.each([false, true])('writes what the expression matches, compile %s', async (compile) => {
    const pattern = /(?:ab|cd)+[e-j]?j/u;
    const constraint = regexConstraint(letters, pattern);
    const options = { maxNewTokens: 24, groupSize: 20, constraint, compile };
    const completions = await generate(model, ['a', 'hg'], options);
    for (const { text, tokens, finishReason, sampledLogProbs } of completions) {
      if (finishReason === 'stop') expect(text).toMatch(new RegExp(`^(?:${pattern.source})$`, 'u'));
      // After the last j nothing can follow: no stop token is needed.
      if (finishReason === 'stop') expect(letters.decode(tokens)).toBe(text);
      tokens.forEach((token, t) => {
        // After a comes b, for certain.
        if (t > 0 && tokens[t - 1] === 0) expect([token, sampledLogProbs[t]]).toEqual([1, 0]);
      });
    }
    expect(completions.some(({ finishReason }) => finishReason === 'stop')).toBe(true);
  });

  it('draws the stop token where the text may end, and not before', async () => {
    const constraint = regexConstraint(letters, /a{2,}/);
    const options = { maxNewTokens: 6, groupSize: 200, constraint };
    const completions = await generate(model, ['a'], options);
    const lengths = new Set<number>();
    for (const { text, tokens, finishReason } of completions) {
      expect(text).toMatch(/^a{2,6}$/);
      expect(tokens.at(-1) === letters.endToken).toBe(finishReason === 'stop');
      lengths.add(text.length);
    }
    expect(lengths.size).toBeGreaterThan(1);
  });

  it('writes JSON of a schema', async () => {
    const schema = {
      type: 'object',
      properties: {
        ok: { type: 'boolean' },
        n: { type: 'array', items: { enum: [1, 'é'] }, maxItems: 2 },
      },
      required: ['ok'],
    } as const;
    const constraint = jsonConstraint(bytes, schema);
    const options = { maxNewTokens: 40, groupSize: 20, constraint, temperature: 2 };
    const seen = new Set<string>();
    for (const { text, finishReason } of await generate(byteModel, ['x'], options)) {
      expect(finishReason).toBe('stop');
      const { ok, n = [], ...rest } = JSON.parse(text) as { ok: boolean; n?: unknown[] };
      expect(typeof ok).toBe('boolean');
      expect(n.length <= 2 && n.every((each) => each === 1 || each === 'é')).toBe(true);
      expect(rest).toEqual({});
      seen.add(text);
    }
    expect(seen.size).toBeGreaterThan(2);
  });
});

describe('generate refuses', () => {
  const constant = (value: number): LogitsProcessor => ({
    name: 'mine',
    apply: (logits) => logits.map(() => value),
  });

  it.each<[object, string]>([
    [{ topk: 3 }, 'generate: options has "topk", expected only maxNewTokens, minNewTokens,'],
    [
      { minNewTokens: 5 },
      'generate: minNewTokens is 5, expected an integer in [0, 4] (maxNewTokens)',
    ],
    [{ minNewTokens: 0.5 }, 'generate: minNewTokens is 0.5, expected an integer in [0, 4]'],
    [
      { stopStrings: ['a', ''] },
      'generate: stopStrings[1] is "", expected a text that is not empty',
    ],
    [{ stopStrings: [3] }, 'generate: stopStrings[0] is 3, expected a text that is not empty'],
    [{ features: 1 }, 'generate: features is 1, expected true or false'],
    [{ compile: 'XLA' }, 'generate: compile is XLA, expected true, false or "xla"'],
    [{ signal: {} }, 'generate: signal is [object Object], expected an AbortSignal'],
    [{ processors: [minP] }, 'generate: processors[0] is '],
    [
      { processors: [badWords([[2, 12]])] },
      'badWords: words[0][1] is 12, expected a token in [0, 12)',
    ],
    [
      { constraint: regexConstraint(bytes, 'a') },
      'generate: constraint is for 258 tokens, expected 12 (vocabSize)',
    ],
    [
      { processors: [constant(NaN)] },
      'generate: mine gives token 0 the logit NaN, expected a finite',
    ],
    [{ processors: [constant(Infinity)] }, 'generate: mine gives token 0 the logit Infinity'],
    [
      { processors: [constant(-Infinity)] },
      'generate: mine leaves no token after 0 tokens of a completion',
    ],
    [
      { processors: [{ name: 'short', apply: () => new Float64Array(3) }] },
      'generate: short gives 3 logits, expected 12',
    ],
  ])('%j', async (options, message) => {
    await expect(generate(model, ['a'], { maxNewTokens: 4, ...options })).rejects.toThrow(message);
  });
});
