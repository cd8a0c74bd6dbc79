import { configRows } from '../config-rows.js';
import { type Markup, html } from '../markup.js';
import { CHARTED, FURTHER } from '../measures.js';
import type { ReportSummary } from '../summarize.js';
import type { ReportInput } from '../input.js';
import { labelOf, method } from '../words.js';
import { optionTable, runTable, section } from './tables.js';

/** Definitions, the rules of the verdicts, and what stays open. */
export function howMeasured(summary: ReportSummary): Markup {
  const terms = [...CHARTED, ...FURTHER].map(
    (measure) =>
      html`<dt>${labelOf(measure)}</dt>
        <dd>${measure.definition}</dd> `,
  );
  return section('method', 'How it was measured', [
    method(summary).map((text) => html`<p>${text}</p> `),
    html`<dl class="terms">${terms}</dl>`,
  ]);
}

/** Options, runs and versions. */
export function configuration(input: ReportInput): Markup {
  const rows = configRows(input);
  const names = input.arms.map(({ name }) => name);
  return html`<details>
      <summary>Configuration</summary>
      <p class="note">Options that differ between arms are shaded.</p>
      ${rows.length === 0 ? html`<p>None was recorded.</p>` : optionTable(names, rows)}
    </details>
    <details>
      <summary>Runs</summary>
      ${runTable(input)}
    </details>`;
}

/** The command that makes it again, and with what. */
export function again({ command, backend, versions }: ReportInput): Markup {
  const items = [['Backend', backend] as const, ...Object.entries(versions)];
  return section('again', 'Make it again', [
    html`<pre tabindex="0"><code>${command}</code></pre>`,
    html`<ul class="meta">
      ${items.map(([name, version]) => html`<li>${name}: ${version}</li>`)}
    </ul>`,
  ]);
}
