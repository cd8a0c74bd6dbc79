import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { outcomeOf } from '../src/measure/outcome.js';
import { resultRow } from '../src/results/row.js';
import { type Results, resultsSchema } from '../src/results/schema.js';
import { renderTerminal } from '../src/results/terminal.js';
import { formatMarkdown, placesFor, writeResults } from '../src/results/write.js';
import { rows } from '../src/rows.js';

const [row] = rows;
const sides = [row!.ours, ...row!.theirs].map((side, i) => ({
  side,
  firstMs: 100 * (i + 1),
  differences: [{ quantity: 'losses (relative)', difference: 1e-7, tolerance: 1e-4 }],
}));

/** Ours takes 3 ms, eager 6, compiled 4. */
const measured = resultRow(
  row!,
  outcomeOf(
    sides,
    [
      [[3, 3], [6], [4]],
      [[3, 3], [6], [2]],
      [[3, 3], [6], [5]],
    ],
    1,
    [],
  ),
);

const results: Results = {
  ...{ date: '2020-01-02T03:04:05.000Z', command: 'npm run bench' },
  commit: { id: '0123456789ab', modified: false },
  machine: { processor: 'One', cores: 2, memoryGiB: 4, system: 'linux x64' },
  load: { busy: 0.02, average: 0.5, cores: 2 },
  versions: { node: '20.0.0', torch: '2.0.0' },
  threads: { ours: 2, torch: 2 },
  settings: { quick: false, forced: false, rounds: 3 },
  rows: [
    { ...measured, disturbance: 0.2 },
    { ...measured, model: 'S', goal: 0.5, met: false },
  ],
  failed: [{ name: 'decoding', model: 'M', against: 'PyTorch', reason: 'it | broke' }],
};

describe('outcomeOf', () => {
  it('counts the fastest rival, and keeps the others', () => {
    expect(measured.theirs.label).toBe('torch.compile');
    expect(measured.ratio).toBe(0.75);
    expect(measured.rounds).toEqual({ min: 0.6, median: 0.75, max: 1.5 });
    expect(measured.met).toBe(true);
    expect(measured.others).toMatchObject([{ label: 'eager', median: 6 }]);
  });

  it('divides by the work of an iteration', () => {
    const { ours, ratio } = outcomeOf(sides.slice(0, 2), [[[24], [48]]], 24, []);
    expect([ours.median, ratio]).toEqual([1, 0.5]);
  });
});

describe('resultsSchema', () => {
  it('accepts results, and returns them unchanged', () => {
    expect(resultsSchema.parse(JSON.parse(JSON.stringify(results)))).toEqual(results);
  });

  it('refuses others', () => {
    const broken = [
      { ...results, extra: 1 },
      { ...results, rows: [{ ...measured, ratio: 0 }] },
      { ...results, rows: [{ ...measured, ours: { ...measured.ours, samples: [] } }] },
    ];
    expect(broken.map((each) => resultsSchema.safeParse(each).success)).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('the table', () => {
  it('shows rows that were lost and rows that failed', () => {
    expect(renderTerminal(results)).toMatchInlineSnapshot(`
      "row            model  against                  unit  ours  theirs  ratio  min - median - max of rounds  goal  met     others
      training-step  XS     PyTorch (torch.compile)  ms       3       4   0.75  0.60 - 0.75 - 1.50             0.8  yes       20 %
      training-step  S      PyTorch (torch.compile)  ms       3       4   0.75  0.60 - 0.75 - 1.50             0.5  no
      decoding       M      PyTorch                                                                                 failed

      1 of 2 rows were measured while other processes used more than 15 % of the machine; that does not slow both sides alike (threads that wait for one another suffer most), so their ratios say little
      training-step XS: PyTorch (eager) took 6 ms, torch.compile 4; the faster one counts
      training-step S: PyTorch (eager) took 6 ms, torch.compile 4; the faster one counts
      decoding M against PyTorch failed: it | broke"
    `);
  });

  it('has all of it in Markdown', async () => {
    const text = await formatMarkdown(results);
    expect(text).toContain('1 of 2 measured rows meet their goal');
    expect(text).toMatch(/^\| training-step +\| S .+\| no +\| +\|$/m);
    expect(text).toMatch(/^\| decoding +\| M .+\| failed +\| +\|$/m);
    expect(text).toContain('it \\| broke');
  });
});

describe('writeResults', () => {
  it('writes both files, which read as what was measured', async () => {
    const root = mkdtempSync(join(tmpdir(), 'cfrl-bench-test-'));
    try {
      const places = placesFor(root, true);
      await writeResults(results, places);
      expect(resultsSchema.parse(JSON.parse(readFileSync(places.json, 'utf8')))).toEqual(results);
      expect(readFileSync(places.markdown, 'utf8')).toBe(await formatMarkdown(results));
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('does not write a partial run over the published one', () => {
    expect(placesFor('x', false)).not.toEqual(placesFor('x', true));
  });
});

describe('the published results', () => {
  const local = (path: string): URL => new URL(`../../../${path}`, import.meta.url);

  it.runIf(existsSync(local('bench/results.json')))(
    'are what docs/benchmarks.md shows',
    async () => {
      const published = resultsSchema.parse(
        JSON.parse(readFileSync(local('bench/results.json'), 'utf8')),
      );
      const text = readFileSync(local('docs/benchmarks.md'), 'utf8');
      expect(text).toBe(await formatMarkdown(published));
    },
  );
});
