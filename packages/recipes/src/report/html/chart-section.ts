import { lineChart, seriesOf, chartWords } from '../draw-chart.js';
import type { CurvePoint } from '../curve.js';
import { estimateText } from '../format.js';
import { html, type Markup, raw } from '../markup.js';
import { CHARTED, FURTHER, type Measure } from '../measures.js';
import type { ReportInput } from '../input.js';
import { armKey } from './overview.js';
import { muted, section } from './tables.js';

/** The charts that are always visible. */
export function charts(input: ReportInput): Markup {
  const runs = input.arms.flatMap((arm) => arm.runs);
  const many = input.arms.some((arm) => arm.runs.length > 1);
  const lines = many
    ? 'Thick lines: mean over seeds. Bands: 95\u00a0% interval over seeds. Thin lines: single seeds.'
    : 'Each line is the one seed of its arm, so there are no bands.';
  const stages = runs.some((run) => run.stageBoundary !== undefined)
    ? ' Dotted upright line: end of stage 1.'
    : '';
  return section('curves', 'Over training', [
    muted(`Against the number of tokens sampled for training. ${lines}${stages}`),
    html`<div class="charts">${CHARTED.map((measure) => figure(input, measure))}</div>`,
  ]);
}

/** Charts of what else was recorded, in a folded section; nothing if nothing was. */
export function furtherCharts(input: ReportInput): Markup | null {
  const recorded = FURTHER.filter((measure) =>
    seriesOf(input.arms, measure).some(({ runs }) => runs.some((run) => run.length > 0)),
  );
  if (recorded.length === 0) return null;
  return html`<details>
    <summary>More curves</summary>
    <div class="charts">${recorded.map((measure) => figure(input, measure))}</div>
  </details>`;
}

function figure(input: ReportInput, measure: Measure): Markup {
  const series = seriesOf(input.arms, measure);
  const empty = series.every(({ runs }) => runs.every((run) => run.length === 0));
  const legend = series.map(
    ({ name, index, ends }) => html`<li>${armKey(index)}${name}: ${fromTo(ends)}</li>`,
  );
  return html`<figure>
    <figcaption>
      <h3>${measure.label} <span class="of">${measure.unit}</span></h3>
      <ul class="legend">
        ${legend}
      </ul>
    </figcaption>
    ${empty ? html`<p class="note">${chartWords(measure, series)}</p>` : raw(lineChart(measure, series))}
  </figure> `;
}

/** `0.141 → 0.735`, each as tables have it. */
function fromTo(ends: readonly CurvePoint[]): string {
  return ends.length === 0 ? 'not measured' : ends.map((end) => estimateText(end).mean).join(' → ');
}
