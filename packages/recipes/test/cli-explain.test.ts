import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { disposeParams, mapParams, randomNormal, rng } from '@cfrl/engine';
import { addLora, mergeLora, untie } from '@cfrl/model';
import { saveAdapter, savePretrained } from '@cfrl/model/node';
import type { ChangeExplanation } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tinyModel } from './support/model.js';

const folder = mkdtempSync(join(tmpdir(), 'cfrl-explain-'));
const at = (name: string): string => join(folder, name);
const main = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const run = (...args: string[]) =>
  spawnSync(
    process.execPath,
    ['--import', 'tsx', '--conditions=@cfrl/source', main, 'explain', ...args],
    {
      encoding: 'utf8',
      env: { ...process.env, CFRL_LOG: '' },
    },
  );

beforeAll(async () => {
  const source = rng(1);
  const moved = <T extends { params: ReturnType<typeof tinyModel>['params'] }>(
    model: T,
    size: number,
  ): T => ({
    ...model,
    params: tf.tidy(() =>
      mapParams(
        model.params,
        (x) => tf.add(x, tf.mul(randomNormal(source, x.shape), size)) as tf.Tensor,
      ),
    ),
  });
  const before = tinyModel(0, { tiedEmbeddings: true });
  const after = moved(before, 0.02);
  const untied = untie(after);
  const other = tinyModel(0, { hiddenSize: 16, tiedEmbeddings: true });
  const lora = moved(addLora(before, { rank: 2, targets: ['q_proj', 'down_proj'] }, 0), 0.05);
  const adapted = { ...lora, params: { ...lora.params, ...before.params } };
  const merged = mergeLora(adapted);
  await savePretrained(at('before'), before);
  await savePretrained(at('after'), after);
  await savePretrained(at('untied'), untied);
  await savePretrained(at('other'), other);
  await savePretrained(at('merged'), merged);
  await saveAdapter(at('adapter'), adapted);
  for (const { params } of [before, after, untied, other, lora, merged]) disposeParams(params);
  writeFileSync(at('prompts.jsonl'), '{"prompt":"1+2="}\n\n{"prompt":"3+4="}\n');
  writeFileSync(
    at('given.jsonl'),
    '{"prompt":"1+2=","completion":"3"}\n{"prompt":"3+4=","completion":[{"role":"assistant","content":"71"}]}\n',
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const json = (...args: string[]): ChangeExplanation & Record<string, unknown> => {
  const { stdout, stderr, status } = run(...args, '--json');
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as ChangeExplanation & Record<string, unknown>;
};
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('cfrl explain', () => {
  it('says through what the entropy changed, and everything of it as JSON', () => {
    const args = [
      at('before'),
      at('after'),
      '--prompts',
      at('prompts.jsonl'),
      '--max-new-tokens',
      '3',
      '--samples',
      '2',
    ];
    const { stdout, stderr, status } = run(...args);
    expect(status, stderr).toBe(0);
    for (const words of [
      'through',
      'the classifier (W moved)',
      'the body (features moved)',
      'layers.0',
      'attention q',
      'prompt',
      'completion token 1',
      'The parts sum to',
    ])
      expect(stdout).toContain(words);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const all = json(...args);
    expect(all.converged).toBe(true);
    expect(Math.abs(all.residual)).toBeLessThanOrEqual(0.01 * Math.abs(all.measured));
    expect(sum(all.parts.map(({ change }) => change))).toBeCloseTo(all.explained, 9);
    expect(all['completions']).toBe('before');
    expect((all['sequences'] as unknown[]).length).toBe(4);
    expect(stdout).toContain(
      `went from ${Number(all.before.toPrecision(4))} to ${Number(all.after.toPrecision(4))} nats`,
    );
  });

  it('takes an untied model after a tied one, and an adapter as its merged model', () => {
    const given = ['--prompts', at('given.jsonl'), '--functional', 'log-probability'];
    const tied = json(at('before'), at('after'), ...given);
    const untied = json(at('before'), at('untied'), ...given);
    expect(untied.measured).toBeCloseTo(tied.measured, 5);
    expect(untied.byWay.classifier).toBeCloseTo(tied.byWay.classifier, 5);
    expect(tied['completions']).toBe('file');
    expect(tied.contexts.map(({ positions }) => positions)).toEqual([[3], [3, 4]]);
    const adapter = json(at('before'), at('adapter'), ...given);
    const merged = json(at('adapter'), at('after'), '--base', at('before'), ...given);
    expect(adapter.after).toBeCloseTo(merged.before, 6);
    expect(adapter.after).toBeCloseTo(json(at('before'), at('merged'), ...given).after, 6);
    const moved = new Set(adapter.parts.map(({ param }) => param));
    expect([...moved].every((name) => /q_proj|down_proj/.test(name))).toBe(true);
  }, 120_000);

  it.each([
    [['before', 'missing'], /missing/],
    [
      ['before', 'other'],
      /hiddenSize 8 before and 16 after, expected two checkpoints of one model/,
    ],
    [['before', 'before'], /are the same in every parameter/],
    [
      ['adapter', 'after'],
      /is an adapter, expected a model before; name the model that it is for with --base/,
    ],
  ])('refuses %s with one line', ([one, two], words) => {
    const { stdout, stderr, status } = run(at(one!), at(two!), '--prompts', at('prompts.jsonl'));
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n').at(-1)).toMatch(words);
  });

  it.each([
    ['{"text":"a"}\n', /line 1 has text, expected prompt \(a text or messages\) or messages/],
    ['{"prompt":"1"\n', /line 1 is no JSON/],
    ['\n', /is empty, expected at least one prompt/],
    ['{"prompt":"1","completion":"2"}\n{"prompt":"1"}\n', /has completions on 1 of 2 lines/],
    ['{"prompt":"1","completion":5}\n', /completion is 5, expected a text/],
    ['{"prompt":"1?"}\n', /1\?/],
  ])('refuses the prompts %j with one line', (text, words) => {
    writeFileSync(at('bad.jsonl'), text);
    const { stderr, status } = run(at('before'), at('after'), '--prompts', at('bad.jsonl'));
    expect(status).toBe(1);
    expect(stderr.trim().split('\n').at(-1)).toMatch(words);
  });

  it('refuses a file that is not there, and options that are none', () => {
    expect(run(at('before'), at('after'), '--prompts', at('none')).stderr).toContain(
      'is not there',
    );
    expect(run(at('before'), at('after')).stderr).toContain("required option '--prompts <file>'");
    const wrong = run(
      at('before'),
      at('after'),
      '--prompts',
      at('prompts.jsonl'),
      '--tolerance',
      'x',
    );
    expect(wrong.stderr).toContain('expected a number from 0.000001 to 1');
  });
});
