import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

import type { BackendInfo } from '@cfrl/engine';

import type { Environment } from '../experiment/units.js';

/** The commit that the sources are of; absent outside of a checkout. */
function commit(): string | undefined {
  try {
    const at = new URL('.', import.meta.url);
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      cwd: at,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim();
  } catch {
    return undefined;
  }
}

/** This package's version, from its package.json: above `src/cli` from source, above `dist` when built. */
function version(): string {
  const path = ['../package.json', '../../package.json']
    .map((relative) => new URL(relative, import.meta.url))
    .find((url) => existsSync(url));
  if (path === undefined) return 'unknown';
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** What the records say about where the numbers were made. */
export function environmentOf({ name, version: library }: BackendInfo): Environment {
  const at = commit();
  return {
    backend: name,
    versions: {
      cfrl: version(),
      ...(at === undefined ? {} : { commit: at }),
      node: process.versions.node,
      [name === 'wasm' || name === 'cpu' ? 'tensorflow.js' : 'tensorflow']: library,
    },
  };
}
