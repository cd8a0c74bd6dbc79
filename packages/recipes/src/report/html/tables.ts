import { side } from '../estimate.js';
import { DASH, estimateText, formatFixed, formatNumber, formatSeconds } from '../format.js';
import { type Insert, type Markup, html } from '../markup.js';
import { shorten } from '../samples.js';
import type { ReportSummary } from '../summarize.js';
import type { ReportInput } from '../input.js';
import {
  type Cell,
  type Table,
  SAMPLE_COLUMNS,
  armsWithSamples,
  attributionTable,
  headlineRows,
  pairedTables,
} from '../tables.js';
import type { Sample } from '../../run/row-types.js';
import { ATTRIBUTION_WORDS, boundSign, versus } from '../words.js';

/** A part of the page under its heading. */
export const section = (id: string, title: string, content: Insert): Markup =>
  html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${content}
  </section>`;

/** A paragraph in grey. */
export const muted = (text: Insert): Markup => html`<p class="muted">${text}</p>`;

const classOf = (name: string): Markup | null => (name === '' ? null : html` class="${name}"`);
const td = (content: Insert, name = ''): Markup => html`<td${classOf(name)}>${content}</td>`;
const th = (content: Insert, name = ''): Markup =>
  html`<th scope="col" ${classOf(name)}>${content}</th>`;

/** A row of a table: its head, and cells. */
const row = (head: Insert, cells: Insert, name = ''): Markup =>
  html`<tr${classOf(name)}><th scope="row">${head}</th>${cells}</tr> `;

/** What a table has besides its rows. */
interface TableOptions {
  readonly kind?: 'data' | 'options' | 'samples';
  /** Columns that begin a group. */
  readonly starts?: readonly number[];
  /** What stands above the head. */
  readonly above?: Markup;
}

/**
 * A table that scrolls sideways inside its own box, never the page; where it is too wide it says so: at any width in browsers
 * whose styles can ask whether it scrolls, on a phone in all.
 */
function table(
  label: string,
  head: readonly string[],
  rows: readonly Markup[],
  { kind = 'data', starts = [], above = html`` }: TableOptions = {},
): Markup {
  return html`<div class="wide">
    <p class="swipe">This table scrolls sideways.</p>
    <div class="scroll" role="region" aria-label="${label}" tabindex="0">
      <table class="${kind}">
        ${kind === 'samples' ? WIDTHS : null}
        <thead>
          ${above}
          <tr>
            ${head.map((text, i) => th(text, starts.includes(i) ? 'start' : ''))}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </div>`;
}

function cell(value: Cell | string, name: string): Markup {
  if (typeof value === 'string') return td(value, name);
  const { mean, interval } = estimateText(value.estimate, value);
  const clear = value.difference && ['above', 'below'].includes(side(value.estimate));
  const shown = clear ? html`<strong>${mean}</strong>` : html`${value.prefix ?? ''}${mean}`;
  return td([shown, interval === '' ? null : html`<small>${interval}</small>`], name);
}

const numbers = (
  label: string,
  { head, rows }: Table,
  { starts = [], ...options }: TableOptions = {},
): Markup =>
  table(
    label,
    head,
    rows.map(({ name, parts: [text, unit] = [name, ''], cells }) =>
      row(
        [text, unit === '' ? null : html`<span class="unit">${unit}</span>`],
        cells.map((each, i) => cell(each, starts.includes(i + 1) ? 'start' : '')),
      ),
    ),
    { starts, ...options },
  );

/** Every headline measure before and after, for every arm, with the paired differences. */
export function headline(summary: ReportSummary): Markup {
  const { arms, comparisons } = summary;
  const bounds = arms.some((arm) => boundSign(arm) !== '')
    ? '≥: some runs did not reach that reward and count with the budget.'
    : '';
  const groups = html`<tr>
    <td></td>
    ${arms.map(({ name }) => html`<th scope="colgroup" class="group" colspan="2">${name}</th>`)}${comparisons.map(() => html`<th scope="colgroup" class="group">Paired difference</th>`)}
  </tr>`;
  const head = [
    'Mean over seeds',
    ...arms.flatMap(() => ['before RL', 'after']),
    ...comparisons.map((item) => `${versus(item)}, after`),
  ];
  const starts = [
    ...arms.map((_, i) => 1 + 2 * i),
    ...comparisons.map((_, i) => 1 + 2 * arms.length + i),
  ];
  return section('numbers', 'The numbers', [
    numbers('Headline numbers', { head, rows: headlineRows(summary) }, { starts, above: groups }),
    html`<p class="note">
      In brackets: 95&nbsp;% Student-t interval over seeds. Bold: the interval of a difference
      excludes zero. ${DASH}: not measured, or not defined. ${bounds}
    </p>`,
  ]);
}

/** Paired differences seed by seed. */
export function differences(summary: ReportSummary): Markup | null {
  const tables = pairedTables(summary);
  if (tables.length === 0) return null;
  return section('pairs', 'Seed by seed', [
    muted('Differences on the same seed, at equal sampled tokens.'),
    tables.map((each) =>
      numbers(`Paired differences, ${each.head[0]}`, each, { starts: [each.head.length - 1] }),
    ),
  ]);
}

/** Where the entropy went: the first-order attribution, if it was measured. */
export function entropyAttribution(input: ReportInput): Markup | null {
  const found = attributionTable(input);
  if (found === undefined) return null;
  const shown = numbers('Attribution of entropy changes', found);
  return section('entropy', 'Where the entropy went', [muted(ATTRIBUTION_WORDS), shown]);
}

const WIDTHS = html`<colgroup>
  ${[28, 12, 30, 30].map((width) => html`<col style="width: ${width}%" />`)}
</colgroup>`;

const text = (of: string): Markup => html`<span class="text">${shorten(of)}</span>`;

const sample = (of: Sample | undefined): Markup =>
  of === undefined
    ? td(DASH)
    : td([
        text(of.completion),
        html` <span class="reward">reward ${formatNumber(of.reward)}</span>`,
      ]);

/** What the model wrote before and after, one table an arm. */
export function samples(input: ReportInput): Markup | null {
  const arms = armsWithSamples(input);
  if (arms.length === 0) return null;
  const tables = arms.map(({ arm, name, pairs }) => {
    const rows = pairs.map(({ prompt, answer, before, after }) =>
      row(text(prompt), [td(text(answer)), sample(before), sample(after)]),
    );
    const shown = table(`Samples of ${arm.name}`, SAMPLE_COLUMNS, rows, { kind: 'samples' });
    return html`<h3>${arm.name}, ${name}</h3>
      ${shown}`;
  });
  const which =
    'The first completions of the first prompts of each arm’s first run; nothing was picked.';
  return section('samples', 'What the model wrote', [muted(which), tables]);
}

/** One row a run: how far it went and how long it took. */
export function runTable(input: ReportInput): Markup {
  const tokens = (count: number | undefined): string =>
    count === undefined ? DASH : formatFixed(count, 0);
  const rows = input.arms.flatMap(({ name, runs }) =>
    runs.map(({ seed, steps, probes, stageBoundary, seconds }) => {
      const last = probes.at(-1)?.sampledTokens ?? steps.at(-1)?.sampledTokens;
      const cells = [steps.length, probes.length, tokens(last), tokens(stageBoundary)];
      return row(
        [name, ', seed ', seed],
        [...cells, formatSeconds(seconds)].map((each) => td(each)),
      );
    }),
  );
  const head = ['Run', 'RL steps', 'probes', 'sampled tokens', 'stage 1 ended at', 'time'];
  return table('Runs', head, rows);
}

/** Options of all arms side by side. */
export function optionTable(
  names: readonly string[],
  rows: readonly { key: string; values: readonly string[]; differs: boolean }[],
): Markup {
  const shown = rows.map(({ key, values, differs }) =>
    row(
      key,
      values.map((value) => td(shorten(value))),
      differs ? 'differs' : '',
    ),
  );
  return table('Configuration', ['Option', ...names], shown, { kind: 'options' });
}
