import { checkReportInput } from '../check-input.js';
import { findings } from '../findings.js';
import { again, configuration, howMeasured } from './details.js';
import { STYLE } from './style.js';
import { differences, entropyAttribution, headline, samples } from './tables.js';
import { html, raw } from '../markup.js';
import { summarize } from '../summarize.js';
import type { ReportInput } from '../input.js';

/** Nothing but inline style may load or run, whatever the records contain. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/**
 * The report as one HTML page that opens from disk: no script, no network, no other file.
 *
 * It reads well on a phone, in the dark, on paper and without colours, and every chart says in
 * words what it shows. Everything from the records is escaped. Same input, same bytes.
 *
 * @param input - Records of all runs; see {@link ReportInput}.
 * @returns The page, UTF-8 text that starts with its doctype.
 * @throws RangeError or TypeError if the input is malformed, with the path of what is wrong.
 * @see Okabe and Ito 2008, https://jfly.uni-koeln.de/color/, for the colours.
 *
 * @example
 * ```ts
 * const run = { seed: 1, config: {}, steps: [], probes: [], samplesBefore: [], samplesAfter: [], seconds: 0 };
 * const input = {
 *   title: 'Additions & more', task: { name: 'add', description: 'One-digit sums.' }, versions: {},
 *   backend: 'cpu', command: 'cfrl paper', arms: [{ name: 'CF-RL', description: '', runs: [run] }],
 * };
 * (await renderHtml(input)).includes('<h1>Additions &amp; more</h1>'); // => true
 * ```
 */
export async function renderHtml(input: ReportInput): Promise<string> {
  checkReportInput('renderHtml', input);
  // What draws is loaded when something is drawn: it would be a third of what importing this package takes.
  const [{ charts, furtherCharts }, { header, tiles, verdicts }] = await Promise.all([
    import('./chart-section.js'),
    import('./overview.js'),
  ]);
  const summary = summarize(input);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>${input.title}</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${header(input, summary)} ${tiles(summary)} ${verdicts(findings(input), summary)}
          ${headline(summary)} ${charts(input)} ${differences(summary)} ${entropyAttribution(input)}
          ${samples(input)} ${howMeasured(summary)}
          <div class="folded">${furtherCharts(input)} ${configuration(input)}</div>
          ${again(input)}
        </main>
      </body>
    </html> `.html;
}
