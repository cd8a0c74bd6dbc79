import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';

import type { Results } from '../results/schema.js';

/** What the numbers were made on. */
export const describeMachine = (): Results['machine'] => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${process.arch}`,
});

const git = (...args: string[]): string =>
  execFileSync('git', args, {
    cwd: new URL('.', import.meta.url),
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  }).trim();

/** The commit that was measured, and whether files differed from it. */
export function describeCommit(): Results['commit'] {
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', ':/packages', ':/tools');
    return { id: git('rev-parse', '--short=12', 'HEAD'), modified: changed !== '' };
  } catch {
    return { id: 'unknown', modified: true };
  }
}
