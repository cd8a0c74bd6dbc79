import { armColor, DASHES, intervalMark } from '../draw-chart.js';
import { type Estimate, side } from '../estimate.js';
import { DASH, estimateText, formatEstimate, formatNumber } from '../format.js';
import { html, type Markup, raw } from '../markup.js';
import { type ReportSummary, differencesOf } from '../summarize.js';
import type { ReportInput } from '../input.js';
import type { Finding, FindingNumber } from '../verdict.js';
import { boundSign, caveats, versus, whatWasRun } from '../words.js';
import { muted, section } from './tables.js';

/** The line of an arm, as charts draw it. */
export function armKey(index: number): Markup {
  const dash = DASHES[index % DASHES.length]!;
  return raw(
    `<svg viewBox="0 0 28 10" aria-hidden="true"><line x1="0" x2="28" y1="5" y2="5" stroke="${armColor(index)}" stroke-width="3" stroke-dasharray="${dash}"/></svg>`,
  );
}

/** Title, what was run, what to be careful about. */
export function header(input: ReportInput, summary: ReportSummary): Markup {
  const warnings = caveats(input, summary);
  const seeds = [...new Set(summary.arms.flatMap((arm) => arm.seeds))];
  return html`<header>
    <h1>${input.title}</h1>
    <p class="lede">${whatWasRun(input, summary).join(' ')}</p>
    ${input.arms.map(
      (arm, index) =>
        html`<p class="key">
          ${armKey(index)}<strong>${arm.name}</strong>${arm.description === '' ? null : html` — ${arm.description}`}
        </p> `,
    )}
    <ul class="meta">
      <li>Backend: ${input.backend}</li>
      <li>Seeds: ${seeds.join(', ')}</li>
      ${input.createdAt === undefined ? null : html`<li>Made: ${input.createdAt}</li>`}
    </ul>
    ${warnings.length === 0 ? null : html`<div class="caveats" role="note">${warnings.map((text) => html`<p>${text}</p>`)}</div>`}
  </header>`;
}

/** The four numbers that most readers come for. */
export function tiles(summary: ReportSummary): Markup {
  const after = (key: string) => summary.arms.map((arm) => arm.measures[key]!.after);
  return html`<section class="tiles" aria-label="Key numbers">
    ${tile(summary, 'Held-out reward after', 'reward', after('reward'))}
    ${tile(
      summary,
      `Tokens to reward ${formatNumber(summary.threshold)}`,
      'tokensToThreshold',
      summary.arms.map((arm) => arm.tokensToThreshold),
      summary.arms.map(boundSign),
    )}
    ${tile(summary, 'Confidence after', 'confidence', after('confidence'))}
    ${tile(summary, 'Entropy after, nats per token', 'entropy', after('entropy'))}
  </section>`;
}

function tile(
  summary: ReportSummary,
  title: string,
  key: string,
  values: readonly Estimate[],
  prefixes: readonly string[] = [],
): Markup {
  const { arms, comparisons } = summary;
  const rows = arms.map(
    ({ name }, i) =>
      html`<dt>${armKey(i)}${name}</dt>
        <dd>${prefixes[i] ?? ''}${estimateText(values[i]!).mean}</dd>`,
  );
  const differences = differencesOf(summary, key).map((estimate, i) => {
    const text = formatEstimate(estimate, { signed: true });
    return html`<p>
      ${comparisons.length > 1 ? versus(comparisons[i]!) : 'Paired difference'}: ${text}
    </p>`;
  });
  return html`<div class="tile key">
    <h2>${title}</h2>
    <dl>${rows}</dl>
    ${differences}
  </div>`;
}

const BADGES = {
  supported: ['yes', '✓'],
  'not supported': ['no', '✕'],
  undecided: ['open', '?'],
} as const;

/** One card a claim: the claim, the verdict, the reasons, the numbers. */
export function verdicts(found: readonly Finding[], { arms }: ReportSummary): Markup {
  const names = arms.map((arm) => arm.name);
  return section('found', 'What was found', [
    muted(
      'Claims of the paper, judged by these runs alone. Each verdict follows from the 95\u00a0% ' +
        'intervals beside it, by the rule given under “How it was measured”.',
    ),
    html`<div class="claims">${found.map((finding) => claim(finding, names))}</div>`,
  ]);
}

function claim(
  { claim, statement, verdict, text, numbers }: Finding,
  arms: readonly string[],
): Markup {
  const [kind, sign] = BADGES[verdict];
  return html`<article class="claim">
    <header>
      <span class="verdict ${kind}"><span aria-hidden="true">${sign} </span>${verdict}</span>
      <h3>${claim}. ${statement}</h3>
    </header>
    <p>${text}</p>
    ${
      numbers.length === 0
        ? null
        : html`<table class="numbers">
            ${numberGroups(numbers, arms)}
          </table>`
    }
  </article> `;
}

/** Rows under the name of whose numbers they are. */
function numberGroups(numbers: readonly FindingNumber[], arms: readonly string[]): Markup[] {
  const groups = [...new Set(numbers.map(({ group }) => group))];
  return groups.map((group) => {
    const index = arms.indexOf(group);
    const color = index < 0 ? 'var(--text)' : armColor(index);
    const rows = numbers.filter((number) => number.group === group);
    return html`<tbody>
      <tr>
        <th scope="rowgroup" colspan="3" class="key">
          ${index < 0 ? null : armKey(index)}${group}
        </th>
      </tr>
      ${rows.map((number) => numberRow(number, color))}
    </tbody>`;
  });
}

function numberRow({ name, estimate, expected }: FindingNumber, color: string): Markup {
  const { mean, interval } = estimateText(estimate, { signed: true });
  const clear = expected !== undefined && ['above', 'below'].includes(side(estimate));
  return html`<tr>
    <th scope="row">${name}</th>
    <td>${raw(intervalMark(estimate, color))}</td>
    <td>
      ${clear ? html`<strong>${mean}</strong>` : mean}
      <small>${mean === DASH ? 'not measured' : interval || 'no interval'}</small>
    </td>
  </tr>`;
}
