import { attribution } from './attribution.js';
import { checkReportInput } from './check-input.js';
import { configRows } from './config-rows.js';
import { curveEnds } from './curve.js';
import type { Estimate } from './estimate.js';
import { findings } from './findings.js';
import { DASH, decimalsOf, formatEstimate, formatNumber, formatSigned } from './format.js';
import { ATTRIBUTION, CHARTED, FURTHER, HEADLINE } from './measures.js';
import { samplePairs, shorten } from './samples.js';
import { differencesOf, type ReportSummary, summarize } from './summarize.js';
import type { ReportInput } from './input.js';
import type { Finding } from './verdict.js';
import {
  ATTRIBUTION_WORDS,
  boundSign,
  caveats,
  curveWords,
  differenceLabel,
  labelOf,
  method,
  versus,
  whatWasRun,
} from './words.js';

/**
 * The report as GitHub-flavoured Markdown: what the page says, with the charts in words.
 *
 * Everything from the records is escaped, so that no completion becomes markup.
 *
 * @param input - Records of all runs; see {@link ReportInput}.
 * @returns The text, ending in a line break.
 * @throws RangeError or TypeError if the input is malformed, with the path of what is wrong.
 * @see GitHub Flavored Markdown, https://github.github.com/gfm/, for tables and escapes.
 *
 * @example
 * ```ts
 * const run = { seed: 1, config: {}, steps: [], probes: [], samplesBefore: [], samplesAfter: [], seconds: 0 };
 * const input = {
 *   title: 'Additions', task: { name: 'add', description: 'One-digit sums.' }, versions: {},
 *   backend: 'cpu', command: 'cfrl paper', arms: [{ name: 'CF-RL', description: '', runs: [run] }],
 * };
 * renderMarkdown(input).split('\n')[0]; // => '# Additions'
 * ```
 */
export function renderMarkdown(input: ReportInput): string {
  checkReportInput('renderMarkdown', input);
  const summary = summarize(input);
  const blocks = [
    `# ${escapeMarkdown(input.title)}`,
    whatWasRun(input, summary).map(escapeMarkdown).join(' '),
    input.arms
      .map(({ name, description }) =>
        `- **${escapeMarkdown(name)}** ${escapeMarkdown(description)}`.trimEnd(),
      )
      .join('\n'),
    ...caveats(input, summary).map((text) => `> ${escapeMarkdown(text)}`),
    '## What was found',
    ...findings(input).map(findingBlock),
    '## The numbers',
    headlineTable(summary),
    'Mean over seeds; in brackets the 95 % Student-t interval.',
    '## Over training',
    curves(input),
    ...pairedTables(summary),
    ...attributionTable(input),
    ...sampleTables(input),
    '## How it was measured',
    ...method(summary).map(escapeMarkdown),
    [...CHARTED, ...FURTHER]
      .map((each) => `- **${escapeMarkdown(labelOf(each))}**: ${escapeMarkdown(each.definition)}`)
      .join('\n'),
    '## Configuration',
    table(
      ['Option', ...input.arms.map(({ name }) => name)],
      configRows(input).map(({ key, values }) => [key, ...values.map((value) => shorten(value))]),
    ),
    '## Make it again',
    fenced(input.command),
    table(
      ['What', 'Version'],
      [
        ['backend', input.backend],
        ...Object.entries(input.versions),
        ...(input.createdAt === undefined ? [] : [['made', input.createdAt]]),
      ],
    ),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/**
 * Text that stays text inside a line: no emphasis, code, link, HTML, maths or table cell starts in
 * it. Line breaks become `↵`.
 */
function escapeMarkdown(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_|~$]|\](?=[([:])/g, (character) => `\\${character}`)
    .replace(/\r\n|\r|\n/g, ' ↵ ');
}

function findingBlock({ claim, statement, verdict, text, numbers }: Finding): string {
  const lines = numbers.map(
    ({ group, name, estimate }) => `- ${escapeMarkdown(`${group}: ${name}`)} ${signed(estimate)}`,
  );
  const head = `**${claim}: ${verdict}.** *${escapeMarkdown(statement)}* ${escapeMarkdown(text)}`;
  return [head, ...(lines.length === 0 ? [] : [lines.join('\n')])].join('\n\n');
}

/** A code block whose fence is longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n');
}

function headlineTable(summary: ReportSummary): string {
  const { arms, comparisons } = summary;
  const differences = (key: string): string[] => differencesOf(summary, key).map(signed);
  const head = [
    '',
    ...arms.flatMap(({ name }) => [`${name}, before`, `${name}, after`]),
    ...comparisons.map((item) => `${versus(item)}, paired`),
  ];
  return table(head, [
    ...HEADLINE.map((measure) => [
      labelOf(measure),
      ...arms.flatMap(({ measures }) => {
        const { before, after } = measures[measure.key]!;
        return [formatEstimate(before), formatEstimate(after)];
      }),
      ...differences(measure.key),
    ]),
    [
      differenceLabel('tokensToThreshold', summary),
      ...arms.flatMap((arm) => [DASH, boundSign(arm) + formatEstimate(arm.tokensToThreshold)]),
      ...differences('tokensToThreshold'),
    ],
  ]);
}

function curves(input: ReportInput): string {
  return CHARTED.map((measure) => {
    const arms = input.arms.map((arm) => curveWords(arm.name, curveEnds(arm, measure)));
    return `- **${escapeMarkdown(labelOf(measure))}.** ${escapeMarkdown(arms.join(' '))}`;
  }).join('\n');
}

function pairedTables(summary: ReportSummary): string[] {
  const tables = summary.comparisons.filter(({ seeds }) => seeds.length > 0);
  if (tables.length === 0) return [];
  return [
    '## Seed by seed',
    ...tables.map((comparison) =>
      table(
        [versus(comparison), ...comparison.seeds.map((seed) => `seed ${seed}`), 'mean'],
        comparison.differences.map(({ key, values, estimate }) => {
          const decimals = decimalsOf(...values);
          return [
            differenceLabel(key, summary),
            ...values.map((value) => formatSigned(value, decimals)),
            signed(estimate),
          ];
        }),
      ),
    ),
  ];
}

function attributionTable(input: ReportInput): string[] {
  const rows = input.arms.map((arm) => ({ name: arm.name, values: attribution(arm) }));
  if (rows.every(({ values }) => values.every(({ n }) => n === 0))) return [];
  return [
    '## Where the entropy went',
    escapeMarkdown(ATTRIBUTION_WORDS),
    table(
      ['Arm', ...ATTRIBUTION.map(({ label }) => label)],
      rows.map(({ name, values }) => [name, ...values.map(signed)]),
    ),
  ];
}

function sampleTables(input: ReportInput): string[] {
  const text = (sample: { completion: string; reward: number } | undefined): string =>
    sample === undefined
      ? DASH
      : `${shorten(sample.completion)} (reward ${formatNumber(sample.reward)})`;
  const tables = input.arms.flatMap((arm) => {
    const pairs = samplePairs(arm);
    if (pairs.length === 0) return [];
    const rows = pairs.map(({ prompt, answer, before, after }) => [
      shorten(prompt),
      shorten(answer),
      text(before),
      text(after),
    ]);
    return [
      `**${escapeMarkdown(arm.name)}**, seed ${arm.runs[0]!.seed}`,
      table(['Prompt', 'Answer', 'Before RL', 'After'], rows),
    ];
  });
  return tables.length === 0 ? [] : ['## What the model wrote', ...tables];
}

function signed(value: Estimate): string {
  return formatEstimate(value, { signed: true });
}
