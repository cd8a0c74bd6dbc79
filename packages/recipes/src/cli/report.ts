import { collectExperiment } from '../experiment/collect.js';
import { writeReport } from '../experiment/experiment.js';
import { renderHtml } from '../report/html/index.js';
import type { ReportInput } from '../report/input.js';
import { renderMarkdown } from '../report/markdown.js';
import { summarize } from '../report/summarize.js';
import { thisInvocation } from './invocation.js';
import { terminalSummary } from './summary.js';

/** Writes the report of an experiment's records. */
export async function reportOn(
  folder: string,
): Promise<{ input: ReportInput; paths: ReturnType<typeof writeReport> }> {
  const input = collectExperiment(folder, thisInvocation());
  const [html, markdown] = [await renderHtml(input), renderMarkdown(input)];
  return { input, paths: writeReport(folder, { html, markdown }) };
}

/** `cfrl report FOLDER`: the report anew, from the records alone. */
export async function rebuildReport(
  folder: string,
  { json = false }: { readonly json?: boolean },
): Promise<void> {
  const { input, paths } = await reportOn(folder);
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...paths, summary: summarize(input) })}\n`
      : `${terminalSummary(input, process.stdout.columns)}\n\nReport: ${paths.html}\n`,
  );
}
