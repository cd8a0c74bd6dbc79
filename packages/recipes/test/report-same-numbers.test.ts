import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';

import { type ReportInput, renderHtml, renderMarkdown } from '@cfrl/recipes';
import { terminalSummary } from '../src/cli/summary.js';
import { handInput } from './support/report-hand.js';
import { noisyArms, syntheticArm, syntheticInput } from './support/report-records.js';

const words = (text: string): string => text.replace(/\s+/g, ' ').trim();
const unescaped = (text: string): string => words(text.replace(/\\([^\w\s])/g, '$1'));

/** Seeds that are far apart: fewer digits fit beside wide intervals than without. */
const wide = (): ReportInput => {
  const run = (seed: number, factor: number) => ({
    seed,
    probes: [0, 100].map((sampledTokens, i) => ({
      sampledTokens,
      reward: factor * 0.0731 * (i + 1),
      entropyChangeClassifier: -0.00123 * factor,
      entropyChangeBody: 0.000417 * factor,
    })),
  });
  return handInput({
    'CF-RL': [run(1, 1), run(2, 9.3)],
    'standard RL': [run(1, 1.1), run(2, -7)],
  });
};

const CASES: Readonly<Record<string, () => ReportInput>> = {
  usual: () => syntheticInput(),
  noisy: () => syntheticInput(noisyArms()),
  'more probes than a chart has points': () =>
    syntheticInput(
      ['CF-RL', 'standard RL'].map((name) => syntheticArm({ name, seeds: [1, 2], steps: 1_000 })),
    ),
  'wide intervals': wide,
};

describe('the same number in HTML, Markdown and the terminal', () => {
  it.each(Object.entries(CASES))('has the same digits everywhere: %s', async (_name, make) => {
    const input = make();
    const { document } = parseHTML(await renderHtml(input));
    const markdown = renderMarkdown(input);
    const lines = markdown.split('\n');
    const terminal = terminalSummary(input, 1_000);

    // The headline table: cell by cell.
    const rows = [...document.querySelectorAll('[aria-label="Headline numbers"] tbody tr')];
    const names = rows.map((row) => words(row.querySelector('th')!.textContent!));
    const text = (html: string) => words(html.replace('<small>', ' ').replace(/<[^>]*>/g, ''));
    const cells = rows.map((row) =>
      [...row.querySelectorAll('td')].map((cell) => text(cell.innerHTML)),
    );
    const start = lines.findIndex((line) => line.startsWith('|  | CF-RL, before'));
    const written = lines
      .slice(start + 2, start + 2 + rows.length)
      .map((line) => unescaped(line).split(' | ').slice(1));
    expect(written.map((row) => row.map((cell) => cell.replace(/ \|$/, '')))).toEqual(cells);
    const printed = terminal.split('\n').slice(1, rows.length);
    printed.forEach((line, i) =>
      expect(words(line).endsWith(cells[i]!.slice(0, 4).join(' ')), line).toBe(true),
    );

    // What is said of a curve: in the chart's label and key, in the list, and in the table.
    const figures = [...document.querySelectorAll('section .charts figure')];
    expect(figures).toHaveLength(8);
    for (const figure of figures) {
      const label = words(figure.querySelector('h3')!.firstChild!.textContent!);
      const said = words(
        figure.querySelector('[role=img]')?.getAttribute('aria-label') ??
          figure.querySelector('.note')!.textContent!,
      ).split('against sampled tokens. ')[1]!;
      const item = lines.map(unescaped).find((line) => line.startsWith(`- **${label}`))!;
      expect(item.split('.** ')[1]).toBe(said);
      const row = cells[names.findIndex((name) => name.startsWith(label))];
      for (const [i, key] of [...figure.querySelectorAll('.legend li')].entries()) {
        const [name, ends] = words(key.textContent!).split(': ');
        if (ends === 'not measured') continue;
        const [first, last] = ends!.split(' → ');
        expect(`${said} `).toMatch(new RegExp(`${name}: from ${first} to ${last}[ .]`));
        const means = row?.slice(2 * i, 2 * i + 2).map((cell) => cell.split(' ')[0]);
        if (means !== undefined) expect([first, last]).toEqual(means);
      }
    }

    // The findings: word by word.
    const texts = [...document.querySelectorAll('.claim > p')].map((node) =>
      words(node.textContent!),
    );
    expect(texts).toHaveLength(3);
    for (const text of texts) {
      expect(unescaped(markdown)).toContain(text);
      expect(words(terminal)).toContain(text);
    }

    // What the first finding says of the entropy is what the table says.
    const table = [
      ...document.querySelectorAll('[aria-label="Attribution of entropy changes"] tbody tr'),
    ];
    expect(table).toHaveLength(2);
    for (const row of table) {
      const name = row.querySelector('th')!.textContent;
      const [ofClassifier, ofBody] = [...row.querySelectorAll('td')].map((cell) =>
        cell.innerHTML.replace(/<small>.*/, ''),
      );
      expect(texts[0]).toContain(
        `${ofClassifier} through the classifier and ${ofBody} through the body under ${name}`,
      );
    }
  });
});
