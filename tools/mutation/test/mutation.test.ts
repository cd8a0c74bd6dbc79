import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { coveringTests } from '../src/covering.js';
import { lineAt, mutated, mutantsOf } from '../src/mutants.js';
import { summary } from '../src/report.js';
import { runTests } from '../src/run-tests.js';
import { sampleOf } from '../src/sample.js';
import { type Verdict, candidatesOf, survey } from '../src/survey.js';

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const fixture = path('fixture');
const clamp = path('fixture/src/clamp.ts');

/** What each change makes of a text. */
const changes = (source: string): string[] => mutantsOf(source).map((m) => mutated(source, m));

describe('mutantsOf', () => {
  it.each<[string, readonly string[]]>([
    ['a + b;', [';', 'a - b;']],
    ['f(a - b);', [';', 'f(((b) - (a)));', 'f(a + b);']],
    ['x = a < b;', [';', 'x = a <= b;']],
    [
      'tf.sub(a, tf.neg(b));',
      [';', 'tf.add(a, tf.neg(b));', 'tf.sub(tf.neg(b), a);', 'tf.sub(a, (b));'],
    ],
    ['kl(now, old);', [';', 'kl(old, now);']],
    ['kl(now, now);', [';']],
    [
      'const a = c ? 0 : 1e-8;',
      [
        'const a = true ? 0 : 1e-8;',
        'const a = false ? 0 : 1e-8;',
        'const a = c ? 1 : 1e-8;',
        'const a = c ? 0 : 2e-8;',
      ],
    ],
    ['const a = b ?? 2;', ['const a = 2;', 'const a = b ?? 4;']],
    ['if (!a) b();', ['if (true) b();', 'if (false) b();', 'if (!!a) b();', 'if (!a) ;']],
    ['const flag = true;', ['const flag = false;']],
  ])('%s', (source, expected) => {
    expect(changes(source).sort()).toEqual([...expected].sort());
  });

  it('leaves types, imports, joined texts and messages of errors alone', () => {
    expect(changes("import { a } from 'a';")).toEqual([]);
    expect(changes('type Two = 1 | 2;')).toEqual([]);
    expect(changes("const text = 'a' + b;")).toEqual([]);
    expect(changes('throw new Error(`${a - b} of ${1}`);')).toEqual([]);
  });
});

describe('sampleOf', () => {
  const items = Array.from({ length: 40 }, (_, i) => i);
  const chosen = (seed: number): number[] => sampleOf(items, 7, seed, String);

  it('is the same for the same seed, in order, and another for another', () => {
    expect(chosen(1)).toHaveLength(7);
    expect(chosen(1)).toEqual([...chosen(1)].sort((a, b) => a - b));
    expect(chosen(1)).toEqual(chosen(1));
    expect(chosen(2)).not.toEqual(chosen(1));
  });
});

describe('coveringTests', () => {
  const rl = path('../../packages/rl');

  it('finds the tests of a file and of what imports it, its own first', () => {
    const found = (reach: number): string[] =>
      coveringTests(rl, `${rl}/src/advantages/gae.ts`, reach).map((name) => name.slice(rl.length));
    expect(found(0)[0]).toBe('/test/gae.test.ts');
    expect(found(0)).not.toContain('/test/algorithms.test.ts');
    expect(found(3)).toContain('/test/algorithms.test.ts');
    expect(found(3)[0]).toBe('/test/gae.test.ts');
  });
});

describe('survey', () => {
  it('kills what the tests notice, stops what never ends, and lets live what they do not look at', async () => {
    const [root, file] = [fixture, clamp];
    const candidates = candidatesOf(root, [file]);
    const chosen = candidates.filter(({ was, text }) =>
      ['value > high→false', '>→>=', 'max→min'].includes(`${was}→${text}`),
    );
    const seen: Verdict[] = [];
    const verdicts = await survey(chosen, 0, (verdict) => seen.push(verdict));
    expect(seen).toEqual(verdicts);
    expect(verdicts.map(({ was, text, outcome, line }) => [was, text, outcome, line])).toEqual([
      // Above `high` something is tested, but not at it; and what is inside is.
      ['value > high', 'false', 'killed', 3],
      ['>', '>=', 'survived', 3],
      ['max', 'min', 'killed', 4],
    ]);
    expect(verdicts[0]!.by).toBe('keeps what is inside and cuts what is above');
    expect(summary(verdicts, () => 'clamp.ts')).toBe(
      '3 mutants: 2 killed, 0 stopped after a timeout, 1 survived, 0 without a test\n' +
        'clamp.ts:3  operator   > → >=',
    );
  });

  it('stops a run that does not end, with its workers', async () => {
    const tests = coveringTests(fixture, clamp);
    const run = await runTests(fixture, tests, {
      file: clamp,
      code: 'export function clamp() { for (;;); }',
      timeout: 6,
    });
    expect(run.outcome).toBe('timeout');
  });

  it('says that nothing can be told where the tests fail without a change', async () => {
    const broken = { ...candidatesOf(fixture, [clamp])[0]!, root: fixture };
    const tests = coveringTests(fixture, clamp);
    const run = await runTests(fixture, tests, { file: clamp, code: 'broken', timeout: 60 });
    expect(run.outcome).toBe('failed');
    await expect(survey([{ ...broken, root: path('no-such') }], 0, () => {})).rejects.toThrow();
  });

  it('counts lines from 1', () => {
    expect([lineAt('a\nb', 0), lineAt('a\nb', 2)]).toEqual([1, 2]);
  });
});
