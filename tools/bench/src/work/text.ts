import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, from the sources as from what is built of them. */
function rootFrom(folder: string): string {
  return existsSync(join(folder, 'pnpm-workspace.yaml')) ? folder : rootFrom(dirname(folder));
}

const LEFT_OUT = new Set(['node_modules', 'dist', 'fixtures', 'runs']);

function files(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries
    .filter(({ name }) => !name.startsWith('.') && !LEFT_OUT.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return files(path);
      return /\.(ts|md|py)$/.test(entry.name) ? [path] : [];
    });
}

/**
 * Prose and code to be read: this repository's own.
 *
 * @param characters - how much; it begins anew where there is less
 */
export function repositoryText(characters: number): string {
  const root = rootFrom(dirname(fileURLToPath(import.meta.url)));
  const folders = ['packages', 'docs', 'tools'].map((name) => join(root, name));
  const text = folders
    .flatMap(files)
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  return text.repeat(Math.ceil(characters / text.length)).slice(0, characters);
}
