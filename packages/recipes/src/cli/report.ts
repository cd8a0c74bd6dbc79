import { collectExperiment } from '../experiment/collect.js';
import { writeReport } from '../experiment/experiment.js';
import { renderHtml } from '../report/html/index.js';
import { renderMarkdown } from '../report/markdown.js';
import { summarize } from '../report/summarize.js';
import type { ReportInput } from '../report/types.js';
import { thisInvocation } from './invocation.js';
import { terminalSummary } from './summary.js';

/** Reads the records of an experiment and writes its report. */
export async function makeReport(
  folder: string,
  command: string,
): Promise<{ readonly input: ReportInput; readonly html: string; readonly markdown: string }> {
  const input = collectExperiment(folder, command);
  const [html, markdown] = [await renderHtml(input), renderMarkdown(input)];
  return { input, ...writeReport(folder, { html, markdown }) };
}

/** `cfrl report FOLDER`: the report anew, from the records alone. */
export async function rebuildReport(
  folder: string,
  { json = false }: { readonly json?: boolean },
): Promise<void> {
  const { input, ...paths } = await makeReport(folder, thisInvocation());
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...paths, summary: summarize(input) })}\n`
      : `${terminalSummary(input, process.stdout.columns)}\n\nReport: ${paths.html}\n`,
  );
}
