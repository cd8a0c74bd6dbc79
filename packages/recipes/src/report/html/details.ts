import { attribution } from '../attribution.js';
import { configRows } from '../config-rows.js';
import { estimateText, formatNumber } from '../format.js';
import { html, type Markup } from '../markup.js';
import { ATTRIBUTION, CHARTED, FURTHER } from '../measures.js';
import { samplePairs, shorten } from '../samples.js';
import type { ReportSummary } from '../summarize.js';
import type { Sample } from '../../run/row-types.js';
import type { ArmData, ReportInput } from '../input.js';
import { ATTRIBUTION_WORDS, labelOf, method } from '../words.js';
import { runTable, scrolling } from './tables.js';

/** What the model wrote before and after, one table an arm. */
export function samples(input: ReportInput): Markup | null {
  const arms = input.arms.filter((arm) => samplePairs(arm).length > 0);
  if (arms.length === 0) return null;
  return html`<section aria-labelledby="samples">
    <h2 id="samples">What the model wrote</h2>
    <p class="muted">
      The first completions of the first prompts of each arm’s first run; nothing was picked.
    </p>
    ${arms.map(
      (arm) =>
        html`<h3>${arm.name}, seed ${arm.runs[0]!.seed}</h3>
          ${sampleTable(arm)}`,
    )}
  </section>`;
}

function sampleTable(arm: ArmData): Markup {
  const completion = (sample: Sample | undefined): Markup =>
    sample === undefined
      ? html`<td>—</td>`
      : html`<td>
          <span class="text">${shorten(sample.completion)}</span>
          <span class="reward">reward ${formatNumber(sample.reward)}</span>
        </td>`;
  const rows = samplePairs(arm).map(
    ({ prompt, answer, before, after }) =>
      html`<tr>
        <th scope="row"><span class="text">${shorten(prompt)}</span></th>
        <td><span class="text">${shorten(answer)}</span></td>
        ${completion(before)}${completion(after)}
      </tr> `,
  );
  return scrolling(
    `Samples of ${arm.name}`,
    html`<table class="samples">
      <colgroup>
        <col style="width: 28%" />
        <col style="width: 12%" />
        <col style="width: 30%" />
        <col style="width: 30%" />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">Prompt</th>
          <th scope="col">Answer</th>
          <th scope="col">Before RL</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>`,
  );
}

/** Where the entropy went: the first-order attribution, if it was measured. */
export function attributionTable(input: ReportInput): Markup | null {
  const rows = input.arms.map((arm) => ({ arm, values: attribution(arm) }));
  if (rows.every(({ values }) => values.every(({ n }) => n === 0))) return null;
  return html`<section aria-labelledby="entropy">
    <h2 id="entropy">Where the entropy went</h2>
    <p class="muted">${ATTRIBUTION_WORDS}</p>
    ${scrolling(
      'Attribution of entropy changes',
      html`<table class="data">
        <thead>
          <tr>
            <th scope="col">Arm</th>
            ${ATTRIBUTION.map(({ label }) => html`<th scope="col">${label}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ arm, values }) =>
              html`<tr>
                <th scope="row">${arm.name}</th>
                ${values.map((value) => {
                  const { mean, interval } = estimateText(value, { signed: true });
                  return html`<td>${mean}<small>${interval}</small></td>`;
                })}
              </tr> `,
          )}
        </tbody>
      </table>`,
    )}
  </section>`;
}

/** Definitions, the rules of the verdicts, and what stays open. */
export function howMeasured(summary: ReportSummary): Markup {
  const terms = [...CHARTED, ...FURTHER];
  return html`<section aria-labelledby="method">
    <h2 id="method">How it was measured</h2>
    ${method(summary).map((text) => html`<p>${text}</p> `)}
    <dl class="terms">
      ${terms.map(
        (measure) =>
          html`<dt>${labelOf(measure)}</dt>
            <dd>${measure.definition}</dd> `,
      )}
    </dl>
  </section>`;
}

/** Options, runs and versions. */
export function configuration(input: ReportInput): Markup {
  const rows = configRows(input);
  const table = html`<table class="options">
    <thead>
      <tr>
        <th scope="col">Option</th>
        ${input.arms.map(({ name }) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ({
          key,
          values,
          differs,
        }) => html`<tr${differs ? html` class="differs"` : null}><th scope="row">${key}</th>${values.map((value) => html`<td>${shorten(value)}</td>`)}</tr>
`,
      )}
    </tbody>
  </table>`;
  return html`<details>
      <summary>Configuration</summary>
      <p class="note">Options that differ between arms are shaded.</p>
      ${rows.length === 0 ? html`<p>None was recorded.</p>` : scrolling('Configuration', table)}
    </details>
    <details>
      <summary>Runs</summary>
      ${runTable(input)}
    </details>`;
}

/** The command that makes it again, and with what. */
export function again(input: ReportInput): Markup {
  const versions = Object.entries(input.versions);
  return html`<section aria-labelledby="again">
    <h2 id="again">Make it again</h2>
    <pre tabindex="0"><code>${input.command}</code></pre>
    <ul class="meta">
      <li>Backend: ${input.backend}</li>
      ${versions.map(([name, version]) => html`<li>${name}: ${version}</li>`)}
    </ul>
  </section>`;
}
