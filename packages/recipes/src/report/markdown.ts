import { checkReportInput } from './check-input.js';
import { configRows } from './config-rows.js';
import { curveEnds } from './curve.js';
import { findings } from './findings.js';
import { DASH, formatEstimate, formatNumber } from './format.js';
import { CHARTED, FURTHER } from './measures.js';
import { shorten } from './samples.js';
import { type ReportSummary, summarize } from './summarize.js';
import type { ReportInput } from './input.js';
import type { Sample } from '../run/row-types.js';
import {
  type Row,
  SAMPLE_COLUMNS,
  armsWithSamples,
  attributionTable,
  cellText,
  headlineRows,
  pairedTables,
} from './tables.js';
import type { Finding } from './verdict.js';
import {
  ATTRIBUTION_WORDS,
  caveats,
  curveWords,
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
    ...part(
      'Seed by seed',
      pairedTables(summary).map(({ head, rows }) => table(head, textRows(rows))),
    ),
    ...part('Where the entropy went', entropyBlocks(input)),
    ...part('What the model wrote', sampleTables(input)),
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
    ({ group, name, estimate }) =>
      `- ${escapeMarkdown(`${group}: ${name}`)} ${formatEstimate(estimate, { signed: true })}`,
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

/** Rows as they stand in {@link table}. */
const textRows = (rows: readonly Row[]): string[][] =>
  rows.map(({ name, cells }) => [name, ...cells.map(cellText)]);

function headlineTable(summary: ReportSummary): string {
  const { arms, comparisons } = summary;
  const ofArms = arms.flatMap(({ name }) => [`${name}, before`, `${name}, after`]);
  const ofPairs = comparisons.map((item) => `${versus(item)}, paired`);
  return table(['', ...ofArms, ...ofPairs], textRows(headlineRows(summary)));
}

function curves(input: ReportInput): string {
  return CHARTED.map((measure) => {
    const arms = input.arms.map((arm) => curveWords(arm.name, curveEnds(arm, measure)));
    return `- **${escapeMarkdown(labelOf(measure))}.** ${escapeMarkdown(arms.join(' '))}`;
  }).join('\n');
}

/** A part with its heading; nothing without content. */
const part = (heading: string, blocks: readonly string[]): string[] =>
  blocks.length === 0 ? [] : [`## ${heading}`, ...blocks];

function entropyBlocks(input: ReportInput): string[] {
  const found = attributionTable(input);
  return found ? [escapeMarkdown(ATTRIBUTION_WORDS), table(found.head, textRows(found.rows))] : [];
}

function sampleTables(input: ReportInput): string[] {
  const text = (sample: Sample | undefined): string =>
    sample === undefined
      ? DASH
      : `${shorten(sample.completion)} (reward ${formatNumber(sample.reward)})`;
  return armsWithSamples(input).flatMap(({ arm, name, pairs }) => [
    `**${escapeMarkdown(arm.name)}**, ${name}`,
    table(
      SAMPLE_COLUMNS,
      pairs.map(({ prompt, answer, before, after }) =>
        [prompt, answer].map((each) => shorten(each)).concat(text(before), text(after)),
      ),
    ),
  ]);
}
