import { collectExperiment } from '../experiment/collect.js';
import { writeReport } from '../experiment/experiment.js';
import { renderHtml } from '../report/html/index.js';
import { renderMarkdown } from '../report/markdown.js';
import { summarize } from '../report/summarize.js';
import { thisInvocation } from './invocation.js';
import { terminalSummary } from './summary.js';

/** `cfrl report FOLDER`: the report anew, from the records alone. */
export async function rebuildReport(
  folder: string,
  { json = false }: { readonly json?: boolean },
): Promise<void> {
  const input = collectExperiment(folder, thisInvocation());
  const paths = writeReport(folder, {
    html: await renderHtml(input),
    markdown: renderMarkdown(input),
  });
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...paths, summary: summarize(input) })}\n`
      : `${terminalSummary(input, process.stdout.columns)}\n\nReport: ${paths.html}\n`,
  );
}
