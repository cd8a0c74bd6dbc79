import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { disposeParams, mapParams, randomNormal, rng } from '@cfrl/engine';
import { addLora, mergeLora, untie } from '@cfrl/model';
import { saveAdapter, savePretrained } from '@cfrl/model/node';
import { logProbFunctional } from '@cfrl/ntk';
import { type CheckpointExplanation, explainCheckpoints } from '@cfrl/recipes';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readPrompts } from '../src/explain/read-prompts.js';
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
  await savePretrained(at('turned'), { ...after, config: { ...after.config, ropeTheta: 5e5 } });
  await saveAdapter(at('adapter'), adapted);
  for (const { params } of [before, after, untied, other, lora, merged]) disposeParams(params);
  writeFileSync(at('prompts.jsonl'), '{"prompt":"1+2="}\n\n{"prompt":"3+4="}\n');
  writeFileSync(
    at('given.jsonl'),
    '{"prompt":"1+2=","completion":"3"}\n{"prompt":"3+4=","completion":[{"role":"assistant","content":"71"}]}\n',
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const prompts = [{ prompt: '1+2=' }, { prompt: '3+4=' }];
const given = [
  { prompt: '1+2=', completion: '3' },
  { prompt: '3+4=', completion: '71' },
];

describe('cfrl explain', () => {
  it('says through what the entropy changed, and everything of it as JSON', async () => {
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
    const printed = run(...args, '--json');
    expect(printed.status, printed.stderr).toBe(0);
    const all = JSON.parse(printed.stdout) as CheckpointExplanation & { stopped: boolean };
    expect(all.converged).toBe(true);
    expect(all.stopped).toBe(false);
    expect(Math.abs(all.residual)).toBeLessThanOrEqual(0.01 * Math.abs(all.measured));
    expect(sum(all.parts.map(({ change }) => change))).toBeCloseTo(all.explained, 9);
    expect(all.completions).toBe('before');
    expect(all.sequences.length).toBe(4);
    const short = (x: number): number => Number(x.toPrecision(4));
    expect(stdout.replaceAll('\n', ' ')).toContain(
      `from ${short(all.before)} to ${short(all.after)} nats`,
    );
    const again = await explainCheckpoints(at('before'), at('after'), prompts, {
      maxNewTokens: 3,
      samples: 2,
    });
    expect(again.measured).toBe(all.measured);
    expect(again.sequences).toEqual(all.sequences);
  });

  it('takes an untied model after a tied one, and an adapter as its merged model', async () => {
    const of = (before: string, after: string, base?: string) =>
      explainCheckpoints(at(before), at(after), given, {
        functional: logProbFunctional(),
        ...(base !== undefined && { base: at(base) }),
      });
    const tied = await of('before', 'after');
    const untied = await of('before', 'untied');
    expect(untied.measured).toBeCloseTo(tied.measured, 5);
    expect(untied.byWay.classifier).toBeCloseTo(tied.byWay.classifier, 5);
    expect(tied.completions).toBe('given');
    expect(tied.contexts.map(({ positions }) => positions)).toEqual([[3], [3, 4]]);
    const adapter = await of('before', 'adapter');
    expect(adapter.after).toBeCloseTo((await of('adapter', 'after', 'before')).before, 6);
    expect(adapter.after).toBeCloseTo((await of('before', 'merged')).after, 6);
    expect(adapter.parts.every(({ param }) => /q_proj|down_proj/.test(param))).toBe(true);
  }, 120_000);

  it.each([
    ['before', 'missing', 'missing'],
    [
      'before',
      'other',
      'hiddenSize 8 before and 16 after, intermediateSize 32 before and 64 after, expected two checkpoints of one model',
    ],
    [
      'before',
      'turned',
      'ropeTheta 10000 before and 500000 after, expected two checkpoints of one model',
    ],
    ['before', 'before', 'are the same in every parameter'],
    [
      'adapter',
      'after',
      'is an adapter, expected a model before; name the model that it is for with --base',
    ],
  ])('refuses %s and %s and frees what it loaded', async (before, after, words) => {
    const tensors = tf.memory().numTensors;
    await expect(explainCheckpoints(at(before), at(after), given)).rejects.toThrow(words);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it.each([
    ['{"text":"a"}\n', 'line 1 has text, expected prompt (a text or messages) or messages'],
    ['{"prompt":"1"\n', 'line 1 is no JSON'],
    ['\n', 'is empty, expected at least one prompt'],
    ['{"prompt":"1","completion":"2"}\n{"prompt":"1"}\n', 'has completions on 1 of 2 lines'],
    ['{"prompt":"1","completion":5}\n', 'completion is 5, expected a text'],
    ['[\n  {"prompt": "1"}\n]\n', 'begins with [, expected a JSON object a line'],
    ['\0\0PAR1', 'is no UTF-8 text'],
    ['{"prompt":null,"messages":null}\n', 'line 1 has prompt, messages, expected prompt'],
    ['{"messages":[{"role":"assistant","content":"a"}]}\n', 'has one message, of the assistant'],
  ])('refuses the prompts %j', async (text, words) => {
    writeFileSync(at('bad.jsonl'), text);
    await expect(readPrompts(at('bad.jsonl'), 8)).rejects.toThrow(words);
  });

  it('reads prompts as texts, conversations, and with completions, as many as were asked for', async () => {
    writeFileSync(at('texts.txt'), '\uFEFFone\r\n\r\ntwo\r\nthree');
    expect(await readPrompts(at('texts.txt'), 2)).toEqual([{ prompt: 'one' }, { prompt: 'two' }]);
    const messages = [{ role: 'user', content: 'a' }];
    writeFileSync(
      at('chats.jsonl'),
      `${JSON.stringify({ messages })}\n${JSON.stringify({ prompt: messages })}\n`,
    );
    expect(await readPrompts(at('chats.jsonl'), 8)).toEqual([
      { prompt: messages },
      { prompt: messages },
    ]);
    expect(await readPrompts(at('given.jsonl'), 8)).toEqual(given);
    // As in datasets for supervised training: the answer is the completion, and `prompt` goes before `messages`.
    const answered = [...messages, { role: 'assistant', content: 'b\u2028c' }];
    writeFileSync(
      at('answers.jsonl'),
      `${JSON.stringify({ messages: answered })}\n${JSON.stringify({ prompt: 'a', messages: answered, completion: 'd' })}\n`,
    );
    expect(await readPrompts(at('answers.jsonl'), 8)).toEqual([
      { prompt: messages, completion: 'b\u2028c' },
      { prompt: 'a', completion: 'd' },
    ]);
    await expect(readPrompts(at('none'), 8)).rejects.toThrow('is not there');
  });

  it('refuses what programs give wrong before anything is loaded', async () => {
    const wrong = (list: typeof given, options: object) =>
      explainCheckpoints('none', 'none', list, options);
    await expect(wrong([], {})).rejects.toThrow('explainCheckpoints: prompts is empty');
    await expect(wrong([...given, { prompt: '1' } as never], {})).rejects.toThrow(
      'completions on 2 of 3 lines',
    );
    await expect(wrong(given, { functional: 'entropy' })).rejects.toThrow(
      'functional is "entropy"',
    );
    await expect(wrong(given, { tolerance: 5 })).rejects.toThrow('tolerance is 5');
    await expect(wrong(given, { onStage: 3 })).rejects.toThrow('onStage is 3');
  });

  it('refuses options that are none', () => {
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
