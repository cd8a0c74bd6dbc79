import { existsSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { inRepository } from '../src/page.js';
import { type Results, resultRow, resultsSchema } from '../src/results.js';
import { resultsJson, resultsPage, summary } from '../src/results-page.js';
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
  sides,
  [
    [[3, 3], [6], [4]],
    [[3, 3], [6], [2]],
    [[3, 3], [6], [5]],
  ],
  [],
);

const results: Results = {
  ...{ date: '2020-01-02T03:04:05.000Z', command: 'npm run bench' },
  commit: { id: '0123456789ab', modified: false },
  machine: { processor: 'One', cores: 2, memoryGiB: 4, system: 'linux x64' },
  load: { busy: 0.02, cores: 2 },
  versions: { node: '20.0.0', torch: '2.0.0' },
  threads: { ours: 2, torch: 2 },
  settings: { quick: false, forced: false, rounds: 3 },
  rows: [
    { ...measured, disturbance: 0.2 },
    { ...measured, model: 'S', goal: 0.5, met: false },
  ],
  failed: [{ name: 'decoding', model: 'M', against: 'PyTorch', reason: 'it | broke' }],
};

describe('resultRow', () => {
  it('counts the fastest rival, and keeps the others', () => {
    expect(measured.theirs.label).toBe('torch.compile');
    expect(measured.ratio).toBe(0.75);
    expect(measured.rounds).toEqual({ min: 0.6, median: 0.75, max: 1.5 });
    expect(measured.met).toBe(true);
    expect(measured.others).toMatchObject([{ label: 'eager', median: 6 }]);
  });

  it('divides by the work of an iteration', () => {
    const tokens = sides
      .slice(0, 2)
      .map(({ side, ...rest }) => ({ ...rest, side: { ...side, per: 24 } }));
    const { ours, ratio } = resultRow(row!, tokens, [[[24], [48]]], []);
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
  it('shows rows that were lost and rows that failed', async () => {
    expect(await summary(results)).toMatchInlineSnapshot(`
      "| row           | model | against                 | unit | ours | theirs | ratio | min - median - max of rounds | goal | met    | others |
      | ------------- | ----- | ----------------------- | ---- | ---: | -----: | ----: | ---------------------------- | ---: | ------ | -----: |
      | training-step | XS    | PyTorch (torch.compile) | ms   |    3 |      4 |  0.75 | 0.60 - 0.75 - 1.50           |  0.8 | yes    |   20 % |
      | training-step | S     | PyTorch (torch.compile) | ms   |    3 |      4 |  0.75 | 0.60 - 0.75 - 1.50           |  0.5 | no     |        |
      | decoding      | M     | PyTorch                 |      |      |        |       |                              |      | failed |        |

      - 1 of 2 rows were measured while other processes used more than 15 % of the machine; that does not slow both sides alike (threads that wait for one another suffer most), so their ratios say little
      - training-step XS: PyTorch (eager) took 6 ms, torch.compile 4; the faster one counts
      - training-step S: PyTorch (eager) took 6 ms, torch.compile 4; the faster one counts
      - decoding M against PyTorch failed: it \\| broke
      "
    `);
  });

  it('has all of it in Markdown', async () => {
    const text = await resultsPage(results);
    expect(text).toContain('1 of 2 measured rows meet their goal');
    expect(text).toMatch(/^\| training-step +\| S .+\| no +\| +\|$/m);
    expect(text).toMatch(/^\| decoding +\| M .+\| failed +\| +\|$/m);
    expect(text).toContain('it \\| broke');
  });
});

describe('the published results', () => {
  const file = inRepository('bench/results.json');

  it.runIf(existsSync(file))('are what docs/benchmarks.md shows', async () => {
    const json = readFileSync(file, 'utf8');
    const published = resultsSchema.parse(JSON.parse(json));
    expect(await resultsJson(published)).toBe(json);
    expect(await resultsPage(published)).toBe(
      readFileSync(inRepository('docs/benchmarks.md'), 'utf8'),
    );
  });
});
