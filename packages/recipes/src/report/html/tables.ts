import { type Estimate, side } from '../estimate.js';
import {
  DASH,
  decimalsOf,
  estimateText,
  formatSigned,
  formatSeconds,
  formatFixed,
} from '../format.js';
import { html, type Markup } from '../markup.js';
import { HEADLINE } from '../measures.js';
import { type Comparison, type ReportSummary, differencesOf } from '../summarize.js';
import type { ReportInput } from '../input.js';
import { boundSign, differenceLabel, versus } from '../words.js';

/**
 * A table that scrolls sideways inside its own box, never the page; where it is too wide it says so: at any width in browsers
 * whose styles can ask whether it scrolls, on a phone in all.
 */
export function scrolling(label: string, table: Markup): Markup {
  return html`<div class="wide">
    <p class="swipe">This table scrolls sideways.</p>
    <div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>
  </div>`;
}

function cell(
  value: Estimate,
  options: { signed?: boolean; start?: boolean; prefix?: string } = {},
): Markup {
  const { signed = false, start = false, prefix = '' } = options;
  const text = estimateText(value, { signed });
  const clear = signed && (side(value) === 'above' || side(value) === 'below');
  const mean = clear ? html`<strong>${text.mean}</strong>` : html`${prefix}${text.mean}`;
  return html`<td${start ? html` class="start"` : null}>${mean}${text.interval === '' ? null : html`<small>${text.interval}</small>`}</td>`;
}

/** Every headline measure before and after, for every arm, with the paired differences. */
export function headlineTable(summary: ReportSummary): Markup {
  const { arms, comparisons } = summary;
  const differences = (key: string): Markup[] =>
    differencesOf(summary, key).map((value) => cell(value, { signed: true, start: true }));
  const rows = HEADLINE.map(
    ({ key, label, unit }) =>
      html`<tr>
        <th scope="row">${label}${unit === '' ? null : html`<span class="unit">${unit}</span>`}</th>
        ${arms.map(({ measures }) => [cell(measures[key]!.before, { start: true }), cell(measures[key]!.after)])}${differences(key)}
      </tr> `,
  );
  const tokens = html`<tr>
    <th scope="row">
      ${differenceLabel('tokensToThreshold', summary)}<span class="unit">tokens</span>
    </th>
    ${arms.map(
      (arm) =>
        html`<td class="start">${DASH}</td>
          ${cell(arm.tokensToThreshold, { prefix: boundSign(arm) })}`,
    )}${differences('tokensToThreshold')}
  </tr>`;
  return html`<section aria-labelledby="numbers">
    <h2 id="numbers">The numbers</h2>
    ${scrolling(
      'Headline numbers',
      html`<table class="data">
        <thead>
          <tr>
            <td></td>
            ${arms.map(({ name }) => html`<th scope="colgroup" class="group" colspan="2">${name}</th>`)}${comparisons.map(() => html`<th scope="colgroup" class="group">Paired difference</th>`)}
          </tr>
          <tr>
            <th scope="col">Mean over seeds</th>
            ${arms.map(
              () =>
                html`<th scope="col" class="start">before RL</th>
                  <th scope="col">after</th>`,
            )}${comparisons.map((item) => html`<th scope="col" class="start">${versus(item)}, after</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}${tokens}
        </tbody>
      </table>`,
    )}
    <p class="note">
      In brackets: 95&nbsp;% Student-t interval over seeds. Bold: the interval of a difference
      excludes zero. ${DASH}: not measured, or not defined. ${bounds(summary)}
    </p>
  </section>`;
}

function bounds({ arms }: ReportSummary): string {
  return arms.some((arm) => boundSign(arm) !== '')
    ? '≥: some runs did not reach that reward and count with the budget.'
    : '';
}

/** Paired differences seed by seed. */
export function differenceTables(summary: ReportSummary): Markup | null {
  const tables = summary.comparisons.filter(({ seeds }) => seeds.length > 0);
  if (tables.length === 0) return null;
  return html`<section aria-labelledby="pairs">
    <h2 id="pairs">Seed by seed</h2>
    <p class="muted">Differences on the same seed, at equal sampled tokens.</p>
    ${tables.map((comparison) => differenceTable(comparison, summary))}
  </section>`;
}

function differenceTable(comparison: Comparison, summary: ReportSummary): Markup {
  const { seeds, differences } = comparison;
  const rows = differences.map(({ key, values, estimate }) => {
    const decimals = decimalsOf(...values);
    return html`<tr>
      <th scope="row">${differenceLabel(key, summary)}</th>
      ${values.map((value) => html`<td>${formatSigned(value, decimals)}</td>`)}${cell(estimate, { signed: true, start: true })}
    </tr> `;
  });
  return scrolling(
    `Paired differences, ${versus(comparison)}`,
    html`<table class="data">
      <thead>
        <tr>
          <th scope="col">${versus(comparison)}</th>
          ${seeds.map((seed) => html`<th scope="col">seed ${seed}</th>`)}
          <th scope="col" class="start">mean</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>`,
  );
}

/** One row a run: how far it went and how long it took. */
export function runTable(input: ReportInput): Markup {
  const rows = input.arms.flatMap(({ name, runs }) =>
    runs.map((run) => {
      const tokens = run.probes.at(-1)?.sampledTokens ?? run.steps.at(-1)?.sampledTokens;
      const boundary = run.stageBoundary;
      return html`<tr>
        <th scope="row">${name}, seed ${run.seed}</th>
        <td>${run.steps.length}</td>
        <td>${run.probes.length}</td>
        <td>${tokens === undefined ? DASH : formatFixed(tokens, 0)}</td>
        <td>${boundary === undefined ? DASH : formatFixed(boundary, 0)}</td>
        <td>${formatSeconds(run.seconds)}</td>
      </tr> `;
    }),
  );
  return scrolling(
    'Runs',
    html`<table class="data">
      <thead>
        <tr>
          <th scope="col">Run</th>
          <th scope="col">RL steps</th>
          <th scope="col">probes</th>
          <th scope="col">sampled tokens</th>
          <th scope="col">stage 1 ended at</th>
          <th scope="col">time</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>`,
  );
}
