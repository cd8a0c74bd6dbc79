import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';

import { renderHtml, type ReportInput, type Sample } from '@cfrl/recipes';
import { handInput, rewards } from './support/report-hand.js';
import { noisyArms, syntheticArm, syntheticInput } from './support/report-records.js';

const documentOf = async (input: ReportInput) => parseHTML(await renderHtml(input)).document;

/** The usual input, rendered once for the tests that only look. */
const page = await renderHtml(syntheticInput());
const { document: usual } = parseHTML(page);

/** The text a reader sees, without the style sheet, and the labels a screen reader says. */
function words(html: string): string {
  const { document } = parseHTML(html);
  document.querySelectorAll('style').forEach((node: { remove(): void }) => node.remove());
  const labels = [...document.querySelectorAll('[aria-label]')].map((node) =>
    node.getAttribute('aria-label'),
  );
  return `${document.documentElement.textContent} ${labels.join(' ')}`.replace(/\s+/g, ' ');
}

/** An input whose every text is hostile. */
function hostile(text: string): ReportInput {
  const input = syntheticInput([syntheticArm({ name: 'CF-RL', seeds: [1, 2], steps: 20 })]);
  const sample: Sample = { prompt: text, completion: text, answer: text, reward: 1 };
  return {
    ...input,
    title: text,
    task: { name: text, description: text },
    createdAt: text,
    backend: text,
    command: text,
    versions: { [text]: text },
    arms: input.arms.map((arm) => ({
      name: text,
      description: text,
      runs: arm.runs.map((run) => ({
        ...run,
        stageBoundary: 5_000,
        config: { [text]: text },
        samplesBefore: [sample],
        samplesAfter: [sample],
      })),
    })),
  };
}

const gaps = (): ReportInput =>
  handInput({
    'CF-RL': [rewards(1, [0, 0], [50, 0.5], [100, 0.9]), { seed: 2, probes: [] }],
    'standard RL': [rewards(1, [0, 0.1], [100, 0.4]), rewards(3, [40, 0.1], [100, 0.2])],
  });

const CASES: Readonly<Record<string, () => ReportInput>> = {
  full: () => syntheticInput(),
  noise: () => syntheticInput(noisyArms()),
  'one seed': () =>
    syntheticInput([
      syntheticArm({ seeds: [1] }),
      syntheticArm({ name: 'standard RL', seeds: [1] }),
    ]),
  'one arm': () => syntheticInput([syntheticArm({})]),
  'missing probes': gaps,
  'nothing measured': () => handInput({ 'CF-RL': [{ seed: 1, probes: [] }] }),
  'only before': () =>
    handInput({ 'CF-RL': [rewards(1, [0, 0.2])], 'standard RL': [rewards(1, [0, 0.2])] }),
  'five arms': () =>
    syntheticInput(
      ['CF-RL', 'standard RL', 'a', 'b', 'c'].map((name) =>
        syntheticArm({ name, seeds: [1, 2], steps: 20 }),
      ),
    ),
};

const plain = await documentOf(hostile('plain'));

describe('renderHtml', () => {
  it.each(Object.entries(CASES))(
    'never prints what is not a number or not there: %s',
    async (_name, make) => {
      const html = await renderHtml(make());
      expect(words(html)).not.toMatch(/\b(NaN|undefined|null|Infinity|object Object)\b/);
      expect(html).not.toMatch(/="[^"]*(NaN|undefined|Infinity)[^"]*"/);
    },
  );

  it('makes the same bytes from the same input, every time', async () => {
    await renderHtml(syntheticInput(noisyArms()));
    expect(await renderHtml(structuredClone(syntheticInput()))).toBe(page);
  });

  it('holds everything itself: nothing is fetched, nothing runs', () => {
    const document = usual;
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(
      /https?:|url\(|@import|\/\/\w+\.\w/,
    );
    expect(
      document.querySelectorAll('script, img, iframe, object, embed, link:not([href^="data:"])'),
    ).toHaveLength(0);
    expect(
      document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content'),
    ).toContain("default-src 'none'");
  });

  it('is under 500 kB for ten seeds and long records', async () => {
    const seeds = Array.from({ length: 10 }, (_, i) => i + 1);
    const arms = ['CF-RL', 'standard RL'].map((name) =>
      syntheticArm({ name, seeds, steps: 2_000 }),
    );
    expect(Buffer.byteLength(await renderHtml(syntheticInput(arms)))).toBeLessThan(500_000);
  });

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</style><script>x</script>',
    '</title><svg onload=alert(1)>',
    '<!-- & &lt; ]]> \u0000\u0007 \ud800 ${x} `y`',
  ])('shows hostile text as text: %j', async (text) => {
    const document = await documentOf(hostile(text));
    const elements = (page: typeof document) =>
      [...page.querySelectorAll('*')].map(
        ({ localName, attributes }) => `${localName} ${[...attributes].map(({ name }) => name)}`,
      );
    expect(elements(document)).toEqual(elements(plain));
    const shown = text.replace(/[\0\x07\ud800]/g, '\ufffd');
    expect(document.querySelector('h1')?.textContent).toBe(shown);
    expect(document.querySelector('.samples .text')?.textContent).toBe(shown);
    expect(document.querySelector('pre')?.textContent).toBe(shown);
  });

  it('says of each chart in words what it shows', () => {
    const labels = [...usual.querySelectorAll('figure svg[role="img"]')].map((svg) =>
      svg.getAttribute('aria-label'),
    );
    expect(labels).toHaveLength(14);
    expect(labels[0]).toMatch(
      /^Held-out reward against sampled tokens\. CF-RL: from 0\.\d+ to 0\.\d+ \[0\.\d+, 0\.\d+\] at [\d,]+ sampled tokens\. standard RL: from /,
    );
  });

  it('draws for each arm a mean line, a band and a line a seed, and marks the end of stage 1', () => {
    const chart = usual.querySelector('figure svg[role="img"]')!;
    const strokes = (index: number) =>
      chart.querySelectorAll(`[stroke="var(--arm-${index})"]`).length;
    expect(chart.querySelectorAll('[aria-label="area"]')).toHaveLength(2);
    expect(strokes(0)).toBe(5 + 1 + 1); // seeds, mean, stage boundary
    expect(strokes(1)).toBe(5 + 1);
    expect(chart.textContent).toContain('CF-RL: stage 1 ends');
  });

  it('is marked up for screen readers: headings in order, scoped headers, unique ids, captions that exist', () => {
    const document = usual;
    const levels = [...document.querySelectorAll('h1, h2, h3')].map(({ localName }) =>
      Number(localName[1]),
    );
    levels.forEach((level, i) => expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const cell of document.querySelectorAll('th'))
      expect(cell.getAttribute('scope')).toMatch(/^(col|row|colgroup|rowgroup)$/);
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const node of document.querySelectorAll('[aria-labelledby]'))
      expect(ids).toContain(node.getAttribute('aria-labelledby'));
    for (const svg of document.querySelectorAll('svg')) {
      expect(svg.getAttribute('role') === 'img' || svg.getAttribute('aria-hidden') === 'true').toBe(
        true,
      );
    }
  });

  it('keeps every row of a table as wide as its head', async () => {
    for (const make of [CASES['full']!, CASES['five arms']!, CASES['one arm']!]) {
      for (const table of (await documentOf(make())).querySelectorAll('.scroll table')) {
        const widths = [...table.querySelectorAll('tr')].map((row) =>
          [...row.children].reduce(
            (sum, cell) => sum + Number(cell.getAttribute('colspan') ?? 1),
            0,
          ),
        );
        expect(new Set(widths).size).toBe(1);
      }
    }
  });

  it('says before every wide table that it scrolls, where it does, and on a phone in every browser', async () => {
    const html = await renderHtml(CASES['full']!());
    const tables = [...(await documentOf(CASES['full']!())).querySelectorAll('.scroll')];
    expect(tables.length).toBeGreaterThan(3);
    for (const table of tables) {
      expect(table.previousElementSibling?.textContent).toBe('This table scrolls sideways.');
    }
    expect(html).toMatch(/\.swipe \{ display: none;/);
    // An animation along the table's own scrolling: without any, there is nothing to run along.
    expect(html).toMatch(/\.wide \.scroll \{ scroll-timeline: --wide inline; \}/);
    expect(html).toMatch(/\.wide \.swipe \{[^}]*max-height: 0;[^}]*animation-timeline: --wide; \}/);
    expect(html).toMatch(/max-width: 520px\)[\s\S]*\.swipe \{ display: block; \}/);
  });

  it('says plainly that one seed has no interval', async () => {
    const text = words(await renderHtml(CASES['one seed']!()));
    expect(text).toContain('One seed each (CF-RL and standard RL): no interval can be given');
    expect(text).not.toMatch(/\[[−\d]/);
  });

  it('shows a dash for what is missing, and says which runs are incomplete', async () => {
    const document = await documentOf(gaps());
    const row = [...document.querySelectorAll('.data tbody tr')].find((item) =>
      item.textContent?.includes('Token entropy'),
    )!;
    expect([...row.querySelectorAll('td')].map((cell) => cell.textContent)).toEqual([
      '—',
      '—',
      '—',
      '—',
      '—',
    ]);
    expect(words(await renderHtml(gaps()))).toContain(
      'Some runs of CF-RL and standard RL have no probe before RL',
    );
    expect(words(await renderHtml(gaps()))).toContain(
      'Left out of paired differences, for want of a twin: CF-RL: seed 2; standard RL: seed 3.',
    );
  });

  it('puts each completion beside its own prompt, the first of several, whatever their order', async () => {
    const sample = (prompt: string, completion: string, reward = 1): Sample => ({
      prompt,
      completion,
      answer: prompt,
      reward,
    });
    const [arm] = handInput({ 'CF-RL': [rewards(1)] }).arms;
    const samplesBefore = [sample('b', 'B0', 0), sample('a', 'A0', 0)];
    const samplesAfter = [
      sample('a', 'A1'),
      sample('a', 'A2'),
      sample('b', 'B1'),
      sample('c', 'C1'),
    ];
    const input = syntheticInput([
      { ...arm!, runs: [{ ...arm!.runs[0]!, samplesBefore, samplesAfter }] },
    ]);
    const rows = [...(await documentOf(input)).querySelectorAll('.samples tbody tr')].map((row) =>
      [...row.children].map((cell) => cell.textContent!.trim().replace(/\s+/g, ' ')),
    );
    expect(rows).toEqual([
      ['a', 'a', 'A0 reward 0.00', 'A1 reward 1.00'],
      ['b', 'b', 'B0 reward 0.00', 'B1 reward 1.00'],
      ['c', 'c', '—', 'C1 reward 1.00'],
    ]);
  });

  it('warns when a run is much shorter than the others, and only then', async () => {
    const arms = (end: number): ReportInput =>
      handInput({
        'CF-RL': [rewards(1, [0, 0], [end, 0.5])],
        'standard RL': [rewards(1, [0, 0], [1000, 0.5])],
      });
    expect(words(await renderHtml(arms(500)))).toContain(
      'Runs differ in length: the longest reached 1,000 sampled tokens, the shortest 500, and the comparison ends there.',
    );
    expect(words(await renderHtml(arms(900)))).not.toContain('Runs differ in length');
  });

  it('marks options that differ between arms, and joins those that differ between seeds', () => {
    const rows = [...usual.querySelectorAll('.options tbody tr')].map((row) => ({
      cells: [...row.children].map((cell) => cell.textContent),
      differs: row.classList.contains('differs'),
    }));
    expect(rows).toContainEqual({
      cells: ['seed', '1, 2, 3, 4, 5', '1, 2, 3, 4, 5'],
      differs: false,
    });
    expect(rows).toContainEqual({ cells: ['recipe', 'CF-RL', 'standard RL'], differs: true });
    expect(rows).toContainEqual({ cells: ['optimizer.weightDecay', '0', '0'], differs: false });
    expect(rows).toContainEqual({ cells: ['classifierSteps', '40', ''], differs: true });
  });

  it('names itself in errors', async () => {
    await expect(renderHtml({ ...syntheticInput(), arms: [] })).rejects.toThrow(
      'renderHtml: input.arms is empty',
    );
  });

  it('shows the verdict of each finding beside its claim', () => {
    const cards = [...usual.querySelectorAll('.claim header')].map((node) =>
      node.textContent!.replace(/\s+/g, ' ').trim(),
    );
    expect(cards[0]).toMatch(/supported C1\. /);
    expect(cards[1]).toMatch(/undecided C2\. /);
    expect(cards[2]).toMatch(/supported C3\. /);
  });
});
