import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Finds the folder of Node's C headers: the npm package `node-api-headers`, else those that were installed with Node.js.
 *
 * @throws Error if there are none.
 */
export function nodeHeaders(): string {
  const prefix = dirname(dirname(process.execPath));
  const candidates = [
    ...fromPackage(),
    join(prefix, 'include', 'node'),
    '/usr/include/node',
    '/usr/include/nodejs/src',
    '/usr/local/include/node',
  ];
  const found = candidates.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found !== undefined) return found;
  throw new Error('node_api.h was not found; install the npm package node-api-headers');
}

function fromPackage(): readonly string[] {
  try {
    const require = createRequire(import.meta.url);
    return [join(dirname(require.resolve('node-api-headers/package.json')), 'include')];
  } catch {
    return [];
  }
}
