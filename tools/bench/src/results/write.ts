import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { format } from 'prettier';

import { renderMarkdown } from './markdown.js';
import { type Results, resultsSchema } from './schema.js';

/** Paths of what was written. */
export interface Written {
  readonly json: string;
  readonly markdown: string;
}

/** As the repository formats its files. */
const style = { printWidth: 100, singleQuote: true } as const;

/** The results as the text of `results.json`. */
export const formatJson = (results: Results): Promise<string> =>
  format(JSON.stringify(results), { ...style, parser: 'json' });

/** The results as the text of `benchmarks.md`. */
export const formatMarkdown = (results: Results): Promise<string> =>
  format(renderMarkdown(results), { ...style, parser: 'markdown' });

/**
 * Writes `results.json` and `benchmarks.md`.
 *
 * @throws ZodError if the results do not have their form
 */
export async function writeResults(results: Results, { json, markdown }: Written): Promise<void> {
  const checked = resultsSchema.parse(results);
  for (const [file, text] of [
    [json, await formatJson(checked)],
    [markdown, await formatMarkdown(checked)],
  ] as const) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

/** Where a run is written: a partial or quick one beside the published numbers, not over them. */
export const placesFor = (root: string, published: boolean): Written =>
  published
    ? { json: join(root, 'bench/results.json'), markdown: join(root, 'docs/benchmarks.md') }
    : {
        json: join(root, 'runs/bench/results.json'),
        markdown: join(root, 'runs/bench/benchmarks.md'),
      };
