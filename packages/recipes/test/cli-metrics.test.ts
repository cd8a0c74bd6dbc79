import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { distinctN, mean, passAtK, selfBleu, sequenceEntropy, treebankTokens } from '@cfrl/metrics';
import { describe, expect, it } from 'vitest';

import { type FileMetricsOptions, fileMetrics } from '../src/cli/file-metrics.js';
import { tokenizers } from '../src/cli/metrics.js';

const rows = [
  { prompt: 'a', completion: 'so it is 12.', logProbs: [-1, -0.5], ok: true },
  { prompt: 'a', completion: 'so it is 13.', logProbs: [-2], ok: false },
  { prompt: 'b', completion: 'x x x x x x x x', logProbs: [-1], ok: 1 },
  { prompt: 'b', completion: 'x x x x x x x x', logProbs: [-3], ok: 1 },
  { prompt: 'b', completion: '', logProbs: [-3], ok: 0 },
];
const options: FileMetricsOptions = {
  field: 'completion',
  group: 'prompt',
  maxN: 2,
  tokenize: treebankTokens,
  whole: false,
};

async function* linesOf(list: readonly unknown[]): AsyncGenerator<string> {
  for (const row of list) yield typeof row === 'string' ? row : JSON.stringify(row);
}

const groups = ['a', 'b'].map((prompt) => rows.filter((row) => row.prompt === prompt));

describe('cfrl metrics', () => {
  it('gives what the functions give, group by group', async () => {
    const {
      completions,
      groups: count,
      metrics,
    } = await fileMetrics(linesOf(['', ...rows, '']), {
      ...options,
      logProbs: 'logProbs',
      correct: 'ok',
    });
    expect([completions, count]).toEqual([5, 2]);
    const texts = groups.map((group) => group.map(({ completion }) => treebankTokens(completion)));
    const bleus = texts.map((group) => selfBleu(group, { maxN: 2 }).mean);
    expect(metrics['self-BLEU-2']).toMatchObject({ mean: expect.closeTo(mean(bleus), 12), n: 2 });
    expect(metrics['self-BLEU-2']!.min).toBeCloseTo(Math.min(...bleus), 12);
    expect(metrics['distinct-1']!.mean).toBeCloseTo(mean(texts.map((t) => distinctN(t, 1))), 12);
    expect(metrics['pass@2']!.mean).toBeCloseTo((passAtK(2, 1, 2) + passAtK(3, 2, 2)) / 2, 12);
    expect(metrics['accuracy']).toMatchObject({ mean: expect.closeTo(0.6, 12), n: 5 });
    expect(metrics['ends in a loop']!.mean).toBeCloseTo(0.4, 12);
    const { sequence } = sequenceEntropy(rows.map(({ logProbs }) => logProbs));
    const entropy = metrics['entropy, nats a completion']!;
    expect(entropy.mean).toBeCloseTo(sequence.mean, 12);
    expect(entropy.standardError).toBeCloseTo(sequence.standardError!, 12);
  });

  it('compares nothing without a group, and everything as a whole', async () => {
    const { group: _, ...without } = options;
    expect(Object.keys((await fileMetrics(linesOf(rows), without)).metrics)).toEqual([
      'tokens',
      'repeated 2-grams',
      'ends in a loop',
    ]);
    const { metrics } = await fileMetrics(linesOf(rows), { ...without, whole: true });
    const all = rows.map(({ completion }) => treebankTokens(completion));
    expect(metrics['self-BLEU-2']!.mean).toBeCloseTo(selfBleu(all, { maxN: 2 }).mean, 12);
  });

  it('takes token lists, and names the line that is wrong', async () => {
    const lists = [{ prompt: 1, completion: [1, 2, 3] }];
    expect((await fileMetrics(linesOf(lists), options)).metrics['tokens']!.mean).toBe(3);
    const failure = async (list: readonly unknown[], given: Partial<FileMetricsOptions> = {}) =>
      fileMetrics(linesOf(list), { ...options, ...given }).then(
        () => 'no error',
        (error: Error) => error.message,
      );
    expect(await failure([rows[0], 'no json'])).toMatch(/^metrics: line 2 is not JSON/);
    expect(await failure([rows[0], rows[2], rows[1]])).toBe(
      'metrics: line 3 is of a group that had ended, expected equal "prompt" next to each other; sort the file by it',
    );
    expect(await failure([{ prompt: 1 }])).toBe(
      'metrics: line 1 has nothing as "completion", expected a string or a list of tokens; name the field with --field',
    );
    expect(await failure(rows, { correct: 'prompt' })).toBe(
      'metrics: line 1 has "a" as "prompt", expected true, false, 1 or 0',
    );
    expect(await failure([{ ...rows[0], logProbs: [1] }], { logProbs: 'logProbs' })).toMatch(
      /^metrics: line 1: sequenceEntropy: logProbs\[0\]\[0\] is 1, expected a log-probability/,
    );
    expect(await failure([])).toBe('metrics: the input has no line, expected at least one');
    expect(await failure([{ completion: 'x' }])).toMatch(/line 1 has no "prompt"/);
  });

  it('holds no more than a group: 60 MB of lines in little memory', async () => {
    async function* many(): AsyncGenerator<string> {
      const text = 'word '.repeat(60);
      for (let i = 0; i < 160_000; i++) {
        yield `{"prompt":${i >> 2},"completion":"${text}${i}"}`;
      }
    }
    const light = {
      ...options,
      maxN: 1,
      tokenize: (text: string) => [text.length, text.charCodeAt(300)],
    };
    const before = process.memoryUsage().heapUsed;
    expect((await fileMetrics(many(), light)).groups).toBe(40_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60e6);
  });

  it('reads a file and standard input, prints a table and JSON, and fails with one line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cfrl metrics '));
    const file = join(folder, 'completions.jsonl');
    const text = rows.map((row) => JSON.stringify(row)).join('\n');
    writeFileSync(file, text);
    const cfrl = (args: readonly string[], input?: string) =>
      spawnSync(
        process.execPath,
        [
          ...['--import', 'tsx', '--conditions=@cfrl/source'],
          ...[fileURLToPath(new URL('../src/cli.ts', import.meta.url)), 'metrics', ...args],
        ],
        { encoding: 'utf8', ...(input === undefined ? {} : { input }) },
      );
    try {
      const table = cfrl([file, '--group', 'prompt', '--correct', 'ok']);
      expect(table.stderr).toBe('');
      expect(table.stdout).toMatch(/^self-BLEU-4 +0\.\d+ +\+- 0\.\d+/m);
      expect(table.stdout).toMatch(/5 completions in 2 groups\./);
      const json = cfrl(['--json', '--tokenizer', 'treebank', '--whole'], text);
      expect(JSON.parse(json.stdout)).toMatchObject({ completions: 5, groups: 1 });
      const wrong = cfrl([join(folder, 'none.jsonl')]);
      expect([wrong.status, wrong.stderr.split('\n')[0]]).toEqual([
        1,
        expect.stringMatching(/^cfrl: metrics: .*none\.jsonl is not there, expected a file/),
      ]);
      expect(Object.keys(tokenizers)).toContain('13a');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
