import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';

import { fromSources } from './workers.js';

/** Runs a script of ours in a process of its own, and returns what it prints as JSON. */
export function runScript<T>(url: URL, argument: unknown, env: NodeJS.ProcessEnv = {}): T {
  const args = [...fromSources, url.pathname, JSON.stringify(argument)];
  const output = execFileSync(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  return JSON.parse(output) as T;
}

/** `2 x AMD EPYC` */
export const processor = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'an unknown processor'}`;
