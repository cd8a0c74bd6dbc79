import { describe, expect, it } from 'vitest';

import { renderMarkdown } from '@cfrl/recipes';
import { handInput, rewards } from './support/report-hand.js';
import { fasterCfrl, syntheticArm, syntheticInput } from './support/report-records.js';

describe('renderMarkdown', () => {
  it('has a row of cells for every column, in every table', () => {
    const text = renderMarkdown(syntheticInput());
    const tables = text
      .trim()
      .split('\n\n')
      .filter((block) => block.startsWith('| '));
    expect(tables.length).toBeGreaterThan(5);
    for (const table of tables) {
      const widths = table.split('\n').map((line) => line.split(/(?<!\\)\|/).length);
      expect(new Set(widths).size).toBe(1);
    }
  });

  it('puts the numbers of a hand-made input where they belong', () => {
    const text = renderMarkdown(
      handInput({
        'CF-RL': [rewards(1, [0, 0.1], [800, 0.9])],
        'standard RL': [rewards(1, [0, 0.1], [800, 0.5])],
      }),
    );
    expect(text).toContain('| Held-out reward | 0.100 | 0.900 | 0.100 | 0.500 | +0.400 |');
    expect(text).toContain('| Sampled tokens to reward 0.400 | — | 300 | — | 600 | −300 |');
    expect(text).toContain('| Token entropy (nats per token) | — | — | — | — | — |');
  });

  it('lets no completion become markup', () => {
    const text = '<script>x</script> | [a](b) *b* `c` _d_ $e$ ~~f~~ \\| \n# g';
    const sample = { prompt: text, completion: text, answer: text, reward: 0 };
    const arm = syntheticArm({ seeds: [1], steps: 10 });
    const input = syntheticInput([
      {
        ...arm,
        name: text,
        runs: [{ ...arm.runs[0]!, samplesBefore: [sample], samplesAfter: [] }],
      },
    ]);
    const line = renderMarkdown(input)
      .split('\n')
      .find((row) => row.includes('(reward 0.00)'))!;
    expect(line).toContain(
      '&lt;script&gt;x&lt;/script&gt; \\| [a\\](b) \\*b\\* \\`c\\` \\_d\\_ \\$e\\$ \\~\\~f\\~\\~ \\\\\\|  ↵ # g',
    );
    expect(renderMarkdown(input)).not.toContain('<script');
  });

  it('fences a command that holds fences', () => {
    const text = renderMarkdown({ ...syntheticInput(), command: 'echo ```\nls' });
    expect(text).toContain('\n````sh\necho ```\nls\n````\n');
  });

  it('says the same as before for the same input, and the verdicts in words', () => {
    const text = renderMarkdown(syntheticInput(fasterCfrl()));
    expect(renderMarkdown(structuredClone(syntheticInput(fasterCfrl())))).toBe(text);
    expect(text).toMatch(
      /\*\*C1: supported\.\*\*[^]*\*\*C2: undecided\.\*\*[^]*\*\*C3: supported\.\*\*/,
    );
    expect(text).not.toMatch(/\b(NaN|undefined|null|Infinity)\b/);
  });

  it('names itself in errors', () => {
    expect(() => renderMarkdown({ ...syntheticInput(), backend: 3 as never })).toThrow(
      'renderMarkdown: input.backend is 3, expected a string',
    );
  });
});
