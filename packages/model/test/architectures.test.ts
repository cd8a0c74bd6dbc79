/** Every architecture against transformers: see tools/fixtures/model/architectures.py. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Params, gatherLogProbs, maskedMean, valueAndGrad } from '@cfrl/engine';
import {
  ARCHITECTURES,
  type LanguageModel,
  charTokenizer,
  forward,
  fromHuggingFaceConfig,
  generate,
  paramShapes,
  toHuggingFaceConfig,
} from '@cfrl/model';
import { loadPretrained, readSafetensors, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { loadFixture, onReal, relativeError } from './fixture.js';
import type { Fixture } from './fixture.js';
import { type Checks, modelsPage } from './models-page.js';

const FOLDER = new URL('fixtures/architectures/', import.meta.url);
const NAMES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.safetensors'))
  .map((name) => name.replace('.safetensors', ''))
  .sort();

const load = (name: string): Fixture => loadFixture(`architectures/${name}`);

/** As many characters as the vocabulary has room for, next to the two special tokens. */
const modelOf = ({ config, params }: Fixture): LanguageModel => ({
  config,
  params,
  tokenizer: charTokenizer('abcdefghijklmnopqrstuvwxyz'.slice(0, config.vocabSize - 2)),
});

/** The largest error of each check, by model. */
const measured: Record<string, Record<string, number>> = {};
function recordCheck(name: string, check: keyof Checks, error: number): void {
  const checks = (measured[name] ??= {});
  checks[check] = Math.max(checks[check] ?? 0, error);
}

it('has a fixture of every architecture', () => {
  const found = NAMES.map((name) => {
    const fixture = load(name);
    fixture.dispose();
    return fixture.config.architecture;
  });
  expect([...new Set(found)].sort()).toEqual([...ARCHITECTURES].sort());
});

describe.each(NAMES)('%s', (name) => {
  it('has the parameters of transformers', () => {
    const fixture = load(name);
    const shapes = Object.entries(fixture.params).map(([key, { shape }]) => [key, shape]);
    expect(paramShapes(fixture.config)).toEqual(Object.fromEntries(shapes));
    fixture.dispose();
  });

  it('computes its logits and features, with left, right and no padding', () => {
    const fixture = load(name);
    tf.tidy(() => {
      for (const padding of ['none', 'right', 'left'] as const) {
        const { tokens, attentionMask, logits, features } = fixture.batch(padding);
        const input = padding === 'none' ? { tokens } : { tokens, attentionMask };
        const ours = forward(fixture.params, fixture.config, input);
        for (const [key, expected] of [
          ['logits', logits],
          ['features', features],
        ] as const) {
          expect(ours[key].shape).toEqual(expected.shape);
          expect(ours[key].dataSync().every(Number.isFinite)).toBe(true);
          const error = relativeError(
            onReal(ours[key], attentionMask),
            onReal(expected, attentionMask),
          );
          recordCheck(name, key, error);
          expect(error, `${key}, padding ${padding}`).toBeLessThan(1e-5);
        }
      }
    });
    fixture.dispose();
  });

  it('has its gradients, of every parameter', () => {
    const fixture = load(name);
    tf.tidy(() => {
      const { tokens, attentionMask } = fixture.batch('left');
      const time = tokens.shape[1];
      const part = (x: tf.Tensor2D, from: number): tf.Tensor2D =>
        tf.slice(x, [0, from], [-1, time - 1]);
      const loss = (params: Params): tf.Scalar => {
        const { logits } = forward(params, fixture.config, { tokens, attentionMask });
        const before = tf.slice(logits, [0, 0, 0], [-1, time - 1, -1]);
        const logProbs = gatherLogProbs(before, part(tokens, 1));
        const both = tf.mul(part(attentionMask, 0), part(attentionMask, 1));
        return tf.neg(maskedMean(logProbs, both));
      };
      const { value, grads } = valueAndGrad(loss)(fixture.params);
      expect(value.dataSync()[0]).toBeCloseTo(fixture.loss, 4);
      expect(Object.keys(fixture.gradients).sort()).toEqual(Object.keys(fixture.params).sort());
      for (const [parameter, expected] of Object.entries(fixture.gradients)) {
        // A key's bias adds the same to all scores of a query: its gradient is 0, up to rounding.
        const isNothing = tf.max(tf.abs(expected)).dataSync()[0]! < 1e-7;
        if (isNothing) {
          expect(tf.max(tf.abs(grads[parameter]!)).dataSync()[0], parameter).toBeLessThan(1e-6);
          continue;
        }
        const error = relativeError(grads[parameter]!, expected);
        recordCheck(name, 'gradients', error);
        expect(error, parameter).toBeLessThan(1e-4);
      }
    });
    fixture.dispose();
  });

  it.each([false, true])(
    'generates from its cache what the whole sequence says, compile %s',
    async (compile) => {
      const fixture = load(name);
      const { prompts, tokens: expected } = fixture.generation();
      const model = modelOf(fixture);
      const options = { maxNewTokens: expected[0]!.length, stopTokens: [], compile };
      const greedy = await generate(model, prompts, { ...options, temperature: 0 });
      expect(greedy.map(({ tokens }) => tokens)).toEqual(expected); // those of transformers
      const sampled = await generate(model, prompts, { ...options, seed: 3 });
      for (const { promptTokens, tokens, logProbs } of [...greedy, ...sampled]) {
        tf.tidy(() => {
          const all = [...promptTokens, ...tokens];
          const input = { tokens: tf.tensor2d([all.slice(0, -1)], undefined, 'int32') };
          const { logits } = forward(model.params, model.config, input);
          const next = tf.tensor2d([all.slice(1)], undefined, 'int32');
          const uncached = gatherLogProbs(logits, next)
            .dataSync()
            .slice(promptTokens.length - 1);
          const error = Math.max(...logProbs.map((x, t) => Math.abs(x - uncached[t]!)));
          recordCheck(name, 'generation', error);
          expect(error).toBeLessThan(2e-5);
        });
      }
      fixture.dispose();
    },
  );

  it('comes back from a folder with the same logits', async () => {
    const fixture = load(name);
    const folder = await mkdtemp(join(tmpdir(), 'cfrl-'));
    await savePretrained(folder, modelOf(fixture));
    const loaded = await loadPretrained(folder);
    await rm(folder, { recursive: true });
    expect(loaded.config).toEqual(fixture.config);
    tf.tidy(() => {
      const { tokens } = fixture.batch('none');
      const [before, after] = [fixture, loaded].map(({ params, config }) =>
        forward(params, config, { tokens }).logits.dataSync(),
      );
      expect(after).toEqual(before);
    });
    recordCheck(name, 'saveAndLoad', 0);
    tf.dispose(loaded.params as Record<string, tf.Tensor>);
    fixture.dispose();
  });
});

it('saves the classifier of GPT-NeoX under the name that transformers gives it in files', async () => {
  const fixture = load('gpt_neox');
  const folder = await mkdtemp(join(tmpdir(), 'cfrl-'));
  await savePretrained(folder, modelOf(fixture));
  const { tensors } = await readSafetensors(join(folder, 'model.safetensors'));
  expect(Object.keys(tensors)).toContain('embed_out.weight');
  expect(Object.keys(tensors)).not.toContain('lm_head.weight');
  tf.dispose(tensors as Record<string, tf.Tensor>);
  await rm(folder, { recursive: true });
  fixture.dispose();
});

describe('lengths that rotary scaling knows of', () => {
  it('are the longest that a dynamic model reads at once, and its cache ends at maxPositions', async () => {
    const fixture = load('llama-dynamic');
    tf.tidy(() => {
      const run = (length: number) => () =>
        forward(fixture.params, fixture.config, { tokens: tf.zeros([1, length], 'int32') });
      expect(run(32)().logits.dataSync().every(Number.isFinite)).toBe(true); // 8 times the factor 4
      expect(run(33)).toThrow('1 <= T <= 32 (maxPositions)');
    });
    await expect(generate(modelOf(fixture), [[1, 2]], { maxNewTokens: 7 })).rejects.toThrow(
      'prompts[0] has 2 tokens, expected at most 1 (maxPositions 8 - maxNewTokens 7)',
    );
    fixture.dispose();
  });

  it('end a completion of a longrope model where its factors change', async () => {
    const fixture = load('phi3-longrope'); // they change past 7 tokens
    const model = modelOf(fixture);
    await expect(generate(model, [[1, 2, 3]], { maxNewTokens: 6 })).rejects.toThrow(
      'generate: prompts[0] has 3 tokens and 6 may follow, expected at most 7 read in all, or more in the prompt already: longrope turns by other factors past 7; lower maxNewTokens to 5',
    );
    for (const length of [3, 8]) {
      const [completion] = await generate(model, [new Array<number>(length).fill(1)], {
        ...{ maxNewTokens: 5, stopTokens: [], temperature: 0 },
      });
      tf.tidy(() => {
        const all = [...completion!.promptTokens, ...completion!.tokens];
        const tokens = tf.tensor2d([all.slice(0, -1)], undefined, 'int32');
        const { logits } = forward(model.params, model.config, { tokens });
        const best = tf
          .argMax(logits, 2)
          .dataSync()
          .slice(length - 1);
        expect([...best]).toEqual(completion!.tokens);
      });
    }
    fixture.dispose();
  });
});

describe('fromHuggingFaceConfig', () => {
  const { configs } = JSON.parse(readFileSync(new URL('configs.json', FOLDER), 'utf8')) as {
    configs: Record<string, Record<'given' | 'resolved', Record<string, unknown>>>;
  };

  it.each(Object.entries(configs))('reads the file as transformers does: %s', (_, each) => {
    const config = fromHuggingFaceConfig(each.given);
    expect(config).toEqual(fromHuggingFaceConfig(each.resolved));
    expect(fromHuggingFaceConfig(toHuggingFaceConfig(config))).toEqual(config);
  });
});

// Last: it has what the others measured.
describe('docs/models.md', () => {
  const results = new URL('checks.json', FOLDER);
  const page = new URL('../../../docs/models.md', import.meta.url);
  const all = measured as unknown as Record<string, Checks>;

  it('shows what was measured, of every model', () => {
    if (process.env['CFRL_UPDATE_DOCS'] === '1') {
      writeFileSync(results, `${JSON.stringify(all, undefined, 1)}\n`);
      writeFileSync(page, modelsPage(all));
    }
    const shown = JSON.parse(readFileSync(results, 'utf8')) as Record<string, Checks>;
    expect(readFileSync(page, 'utf8')).toBe(modelsPage(shown));
    expect(Object.keys(shown)).toEqual(NAMES);
    // Another backend or processor rounds otherwise, but not by orders of magnitude.
    for (const [name, checks] of Object.entries(all)) {
      for (const [check, error] of Object.entries(checks)) {
        const most = 30 * Math.max(shown[name]![check as keyof Checks], 1e-7);
        expect(error, `${name}: ${check}`).toBeLessThan(most);
      }
    }
  });
});
