import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { format, resolveConfig } from 'prettier';

/** A file of this repository. */
export const inRepository = (path: string): string =>
  fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const line = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;

/**
 * A table in Markdown.
 *
 * @param header - names of the columns; those that begin with `>` are aligned at their right
 */
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const rule = header.map((name) => (name.startsWith('>') ? '--:' : '---'));
  return [header.map((name) => name.replace(/^>/, '')), rule, ...rows].map(line).join('\n');
};

/** Text as this repository formats a file of that name. */
export const formatAs = async (path: string, text: string): Promise<string> =>
  format(text, { ...(await resolveConfig(inRepository(path))), filepath: path });

/**
 * A page of this repository, with other text between `<!-- NAME -->` and `<!-- /NAME -->` for each name: what is written
 * around it is nobody's but the page's.
 *
 * @param path - from the repository's root
 */
export async function fillPage(
  path: string,
  parts: Readonly<Record<string, string>>,
): Promise<string> {
  let page = await readFile(inRepository(path), 'utf8');
  for (const [name, text] of Object.entries(parts)) {
    const part = new RegExp(`(<!-- ${name} -->)[^]*(<!-- /${name} -->)`);
    if (!part.test(page)) throw new Error(`bench: ${path} lacks <!-- ${name} -->`);
    page = page.replace(part, (_, open, close) => `${open}\n\n${text}\n\n${close}`);
  }
  return formatAs(path, page);
}

/** Writes a file of this repository, in folders that are made. */
export async function writeRepositoryFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(inRepository(path)), { recursive: true });
  await writeFile(inRepository(path), text);
}
