import { logSoftmax } from '@cfrl/engine';
import {
  type GenerateOptions,
  type LanguageModel,
  byteTokenizer,
  charTokenizer,
  encodePrompts,
  forward,
  generate,
  generateStream,
  initParams,
  jsonConstraint,
  logitBias,
  minP,
  modelConfig,
  regexConstraint,
  repetitionPenalty,
  tokenizerFromFiles,
  topP,
  typicalP,
} from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MODES = [false, true] as const;
const letters = charTokenizer('abcdefgh'); // 10 tokens
const ROWS = 24;
const size = { hiddenSize: 16, layers: 1, heads: 2, maxPositions: 40, initializerRange: 0.3 };
const config = modelConfig({ architecture: 'llama', vocabSize: ROWS, ...size });
let padded: LanguageModel;

/** A model whose padded rows are by far the most probable. */
beforeAll(() => {
  const params = initParams(config, 3);
  const rows = params['lm_head.weight']!;
  const loud = tf.tidy(() => {
    const is = tf.greaterEqual(tf.range(0, ROWS, 1, 'int32'), letters.vocabSize);
    return tf.mul(rows, tf.add(1, tf.mul(8, tf.reshape(tf.cast(is, 'float32'), [-1, 1]))));
  });
  rows.dispose();
  padded = { config, params: { ...params, 'lm_head.weight': loud }, tokenizer: letters };
});
afterAll(() => tf.dispose(padded.params as Record<string, tf.Tensor>));

/** Log-probabilities over all rows, by one pass. */
const policyOf = (tokens: readonly number[]): number[][] =>
  tf.tidy(() => {
    const input = { tokens: tf.tensor2d([[...tokens]], [1, tokens.length], 'int32') };
    return (
      logSoftmax(forward(padded.params, config, input).logits).arraySync() as number[][][]
    )[0]!;
  });

const drawn = async (options: Partial<GenerateOptions>): Promise<number[]> => {
  const all = await generate(padded, ['ab', [3]], { maxNewTokens: 20, groupSize: 8, ...options });
  return all.flatMap(({ tokens }) => tokens);
};

describe('an embedding with more rows than the tokenizer has tokens', () => {
  it.each(MODES)('is never drawn from beyond the tokens, compile %s', async (compile) => {
    for (const options of [
      {},
      { temperature: 0 },
      { temperature: 2.5 },
      { topK: 3 },
      { topK: 12, topP: 0.9 },
      { processors: [topP(0.9), repetitionPenalty(1.4)] },
      { processors: [minP(0.05), typicalP(0.9)], features: true },
    ]) {
      const tokens = await drawn({ ...options, compile });
      expect(Math.max(...tokens)).toBeLessThan(letters.vocabSize);
    }
    const asked = await drawn({ allowPadding: true, compile });
    expect(asked.filter((token) => token >= letters.vocabSize).length).toBeGreaterThan(40);
  });

  it.each(MODES)(
    'says the log-probabilities of both distributions, compile %s',
    async (compile) => {
      for (const temperature of [1, 0.7, 0]) {
        const options = { maxNewTokens: 20, groupSize: 3, temperature, compile };
        for (const { promptTokens, tokens, logProbs, sampledLogProbs } of await generate(
          padded,
          ['abc', 'd'],
          options,
        )) {
          const policy = policyOf([...promptTokens, ...tokens]);
          tokens.forEach((token, t) => {
            const row = policy[promptTokens.length + t - 1]!;
            const own = row.slice(0, letters.vocabSize);
            const sum = own.reduce((total, each) => total + Math.exp(each / (temperature || 1)), 0);
            expect(logProbs[t]).toBeCloseTo(row[token]!, 3);
            const expected = temperature === 0 ? 0 : row[token]! / temperature - Math.log(sum);
            expect(sampledLogProbs[t]).toBeCloseTo(expected, 3);
            if (temperature === 0) expect(row[token]).toBeCloseTo(Math.max(...own), 3);
          });
        }
      }
    },
  );

  it('draws the same in a graph as outside of it', async () => {
    for (const options of [{}, { topK: 4 }, { topP: 0.8 }, { temperature: 0 }]) {
      expect(await drawn({ ...options, compile: true })).toEqual(await drawn(options));
    }
  });

  it('decodes what is beyond to nothing, in prompts, completions and streams', async () => {
    const options = { maxNewTokens: 12, allowPadding: true, seed: 2 };
    const [completion] = await generate(padded, [[0, 20, 1, 23]], options);
    expect(completion!.prompt).toBe('ab');
    expect(completion!.text).toBe(letters.decode(completion!.tokens.filter((token) => token < 8)));
    const pieces: string[] = [];
    for await (const [token] of generateStream(padded, [[0, 20, 1, 23]], options)) {
      pieces.push(token!.text);
    }
    expect(pieces.join('')).toBe(completion!.text);
    await expect(generate(padded, [[0, ROWS]], options)).rejects.toThrow(
      `generate: prompts[0][1] is ${ROWS}, expected a token in [0, ${ROWS})`,
    );
  });

  it.each(MODES)('may have a stop token there, compile %s', async (compile) => {
    const stopTokens = [20, 21];
    const options = { maxNewTokens: 20, groupSize: 20, stopTokens, compile };
    const all = await generate(padded, ['a'], options);
    expect(all.every(({ tokens }) => Math.max(...tokens.slice(0, -1)) < 10)).toBe(true);
    expect(all.filter(({ tokens }) => stopTokens.includes(tokens.at(-1)!)).length).toBeGreaterThan(
      2,
    );
  });

  it('serves constraints and biases', async () => {
    const constraint = regexConstraint(letters, /(ab|cd)+/);
    for (const { text, finishReason } of await generate(padded, ['a'], {
      ...{ maxNewTokens: 20, groupSize: 8, constraint, allowPadding: true },
    })) {
      if (finishReason === 'stop') expect(text).toMatch(/^(ab|cd)+$/);
    }
    const tokens = await drawn({ processors: [logitBias({ 23: 30 })] });
    expect(tokens).not.toContain(23);
  });

  it('serves tokenizers of bytes, and JSON', async () => {
    const tokenizer = byteTokenizer();
    const wide = modelConfig({ architecture: 'gpt2', vocabSize: 320, ...size });
    const params = initParams(wide, 4);
    const constraint = jsonConstraint(tokenizer, { type: 'boolean' });
    for (const compile of MODES) {
      const options = { maxNewTokens: 20, constraint, compile };
      const [completion] = await generate({ config: wide, params, tokenizer }, ['x'], options);
      expect(['true', 'false']).toContain(completion!.text);
    }
    tf.dispose(params as Record<string, tf.Tensor>);
  });

  it('comes from a folder, and goes there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cfrl-'));
    try {
      await savePretrained(folder, padded);
      const model = await loadPretrained(folder);
      const options = { maxNewTokens: 20, groupSize: 4, seed: 5 };
      const all = await generate(model, ['ab'], options);
      expect(all.map(({ tokens }) => tokens)).toEqual(
        (await generate(padded, ['ab'], options)).map(({ tokens }) => tokens),
      );
      tf.dispose(model.params as Record<string, tf.Tensor>);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a tokenizer with more tokens than the embedding has rows', () => {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const image = { id: 4, content: '<image>', special: true, ...flags };
  const tokenizer = tokenizerFromFiles({
    tokenizer: {
      ...{ added_tokens: [image] },
      model: { type: 'BPE', vocab: { a: 0, b: 1, '<end>': 2, c: 3 }, merges: [] },
    },
    config: { eos_token: '<end>' },
    chatTemplate: '{{ messages[0].content }}',
  });
  const small = modelConfig({ architecture: 'llama', vocabSize: 4, ...size });

  it('is loaded and saved, and generates what the model knows', async () => {
    const params = initParams(small, 0);
    const folder = await mkdtemp(join(tmpdir(), 'cfrl-'));
    try {
      await savePretrained(folder, { config: small, params, tokenizer });
      const model = await loadPretrained(folder);
      expect(model.tokenizer.vocabSize).toBe(5);
      for (const compile of MODES) {
        const all = await generate(model, ['ab', [2]], { maxNewTokens: 20, groupSize: 4, compile });
        expect(all.length).toBe(8);
      }
      const constraint = regexConstraint(charTokenizer('abc'), /a*b/);
      const own = { ...model, tokenizer: charTokenizer('abc') };
      const [completion] = await generate(own, ['a'], {
        maxNewTokens: 30,
        constraint,
        stopTokens: [],
      });
      expect(completion!.text).toMatch(/^a*b?$/);
      tf.dispose(model.params as Record<string, tf.Tensor>);
    } finally {
      await rm(folder, { recursive: true });
      tf.dispose(params as Record<string, tf.Tensor>);
    }
  });

  it('refuses a prompt with a token that the model does not have, by its name', () => {
    const prompts = ['a', [{ role: 'user', content: 'b<image>' }]];
    expect(() => encodePrompts({ config: small, tokenizer }, prompts, 2)).toThrow(
      'encodePrompts: prompts[1][1] is 4 ("<image>"), expected a token in [0, 4); the tokenizer has 5 tokens, more than the',
    );
    expect(() => encodePrompts({ config: small, tokenizer }, [[0, 4]], 2)).toThrow(
      'is 4 ("<image>")',
    );
  });
});
