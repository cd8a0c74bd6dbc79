import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  adamw,
  applyUpdates,
  crossEntropy,
  disposeParams,
  mergeParams,
  selectParams,
  useBackend,
  valueAndGrad,
} from '@cfrl/engine';
import type { Params } from '@cfrl/engine';
import { fetchSmolLM2 } from '@cfrl/fixtures';
import { applyChatTemplate, forward, generate, resolveGeneration, untie } from '@cfrl/model';
import type { LanguageModel, ModelConfig, PretrainedTokenizer } from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Prompt {
  readonly text: string;
  readonly ids: number[];
  readonly top: readonly (readonly [id: number, logit: number])[];
  readonly every: readonly number[];
  readonly spread: number;
}

/** What transformers computed with the dequantised weights; see tools/fixtures/model/make_smollm2.py. */
const fixture = JSON.parse(
  readFileSync(new URL('fixtures/smollm2.json', import.meta.url), 'utf8'),
) as {
  readonly every: number;
  readonly prompts: readonly Prompt[];
  readonly chat: {
    readonly text: string;
    readonly ids: number[];
    readonly answer: number[];
    readonly answerText: string;
  };
};

/** Why the model cannot be tested here, or its path. */
async function find(): Promise<{ readonly path?: string; readonly reason?: string }> {
  // 135 million parameters are too much for JavaScript and WebAssembly in the time of a test.
  const { name } = await useBackend(undefined, { install: false });
  if (!name.startsWith('tensorflow'))
    return { reason: `the backend is ${name}, not native TensorFlow` };
  try {
    return { path: await fetchSmolLM2() };
  } catch (error) {
    if (process.env['CFRL_REQUIRE_SMOLLM2'] === '1') throw error;
    return { reason: `SmolLM2 cannot be had: ${(error as Error).message}` };
  }
}
const { path = '', reason } = await find();
if (reason !== undefined) process.stderr.write(`smollm2.test.ts is skipped: ${reason}\n`);

describe.skipIf(reason !== undefined)('SmolLM2-135M-Instruct', () => {
  let model: LanguageModel & { readonly tokenizer: PretrainedTokenizer };
  let config: ModelConfig;
  let params: Params;
  let tokenizer: PretrainedTokenizer;
  beforeAll(async () => {
    model = await loadPretrained(path);
    ({ config, params, tokenizer } = model);
  });
  afterAll(() => disposeParams(params));

  it('gives the logits of transformers', () => {
    for (const { ids, top, every, spread } of fixture.prompts) {
      const logits = tf.tidy(() => {
        const tokens = tf.tensor2d([ids], undefined, 'int32');
        const { logits: all } = forward(params, config, { tokens });
        return Array.from(tf.slice(all, [0, ids.length - 1, 0], [1, 1, -1]).dataSync());
      });
      const gaps = [
        ...top.map(([id, logit]) => Math.abs(logits[id]! - logit)),
        ...every.map((logit, i) => Math.abs(logits[i * fixture.every]! - logit)),
      ];
      expect(Math.max(...gaps) / spread).toBeLessThan(1e-5);
      expect(logits.indexOf(Math.max(...logits))).toBe(top[0]![0]);
    }
  });

  it('has the tokens of Python', () => {
    for (const { text, ids } of fixture.prompts) expect(tokenizer.encode(text)).toEqual(ids);
  });

  it('chats', async () => {
    const { text, ids, answer, answerText } = fixture.chat;
    const messages = [{ role: 'user', content: 'What is the capital of France?' }];
    const prompt = applyChatTemplate(tokenizer, messages, { addGenerationPrompt: true });
    expect(prompt.text).toBe(text);
    expect(prompt.tokens).toEqual(ids);
    const options = { maxNewTokens: 24, temperature: 0 };
    const [completion] = await generate({ config, params, tokenizer }, [prompt.tokens], options);
    expect(completion!.tokens).toEqual(answer);
    expect(completion!.text).toBe(answerText.replace('<|im_end|>', ''));
  });

  it('ends its turn by itself in a conversation', async () => {
    const messages = [{ role: 'user', content: 'What is the capital of France?' }];
    const end = tokenizer.tokenId('<|im_end|>');
    // llama.cpp knows the end of a text as well by its name.
    const endOfText = tokenizer.tokenId('<|endoftext|>');
    expect(resolveGeneration(model).stopTokens).toEqual([end, endOfText]);
    const options = { maxNewTokens: 60, temperature: 0, compile: true };
    const [completion] = await generate(model, [messages], options);
    expect(completion!.promptTokens).toEqual(fixture.chat.ids);
    expect(completion!.prompt).toBe(fixture.chat.text);
    expect(completion!.tokens.slice(0, fixture.chat.answer.length)).toEqual(fixture.chat.answer);
    expect(completion!.finishReason).toBe('stop');
    expect(completion!.tokens.at(-1)).toBe(end);
    expect(completion!.text).not.toContain('<|');
  });

  it('learns in ten steps, and is saved and loaded again', async () => {
    const whole = untie({ config, params });
    const trained = (name: string): boolean => /^lm_head|^model\.(norm|layers\.29)/.test(name);
    const frozen = selectParams(whole.params, (name) => !trained(name));
    const tokens = tf.tensor2d([fixture.prompts[0]!.ids], undefined, 'int32');
    const [input, next] = tf.tidy(() => [
      tf.slice(tokens, [0, 0], [1, tokens.shape[1] - 1]) as tf.Tensor2D,
      tf.slice(tokens, [0, 1]) as tf.Tensor2D,
    ]);
    const step = valueAndGrad((moving) => {
      const { logits } = forward(mergeParams(frozen, moving), whole.config, { tokens: input! });
      return tf.mean(crossEntropy(logits, next!));
    });
    const optimizer = adamw({ learningRate: 1e-4 });
    let moving = selectParams(whole.params, trained);
    let state = optimizer.init(moving);
    const losses: number[] = [];
    for (let i = 0; i < 10; i++) {
      const { value, grads } = step(moving);
      losses.push(value.dataSync()[0]!);
      const { updates, state: moments } = optimizer.update(grads, state, moving);
      const moved = applyUpdates(moving, updates);
      [moving, state, grads, updates, { value }].forEach(disposeParams);
      [moving, state] = [moved, moments];
    }
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
    expect(losses.every((loss, i) => i === 0 || loss < losses[i - 1]!)).toBe(true);

    const folder = await mkdtemp(join(tmpdir(), 'cfrl-smollm2-'));
    try {
      const model = { config: whole.config, params: mergeParams(frozen, moving) };
      await savePretrained(folder, model, { dtype: 'bfloat16', maxShardSize: 1e8 });
      const index = await readFile(join(folder, 'model.safetensors.index.json'), 'utf8');
      expect(JSON.parse(index)).toMatchObject({ metadata: { total_size: 2 * 162_826_560 } });
      const loaded = await loadPretrained(folder, { tokenizer: false });
      expect(loaded.config).toEqual(whole.config);
      const gap = tf.tidy(() => {
        const [a, b] = [model, loaded].map((each) =>
          tf.slice(each.params['lm_head.weight']!, [0, 0], [64, -1]),
        );
        const relative = tf.div(tf.abs(tf.sub(a!, b!)), tf.maximum(tf.abs(a!), 1e-20));
        return tf.max(relative).dataSync()[0]!;
      });
      expect(gap).toBeGreaterThan(0);
      expect(gap).toBeLessThanOrEqual(2 ** -8);
      disposeParams(loaded.params);
    } finally {
      await rm(folder, { recursive: true });
    }
    [moving, state, frozen].forEach(disposeParams);
    tf.dispose([tokens, input!, next!]);
  });
});
