import { availableParallelism } from 'node:os';

import { disturbanceOf } from './busy.js';
import { readTicks } from './read-load.js';

/**
 * Watches what other processes do meanwhile.
 *
 * @returns a function that is told the processors' time of our own processes, and says which share of the machine others
 *   used; nothing where the system does not tell
 */
export async function watchOthers(): Promise<(cpuMs: number) => Promise<number | undefined>> {
  const start = performance.now();
  const before = await readTicks();
  return async (cpuMs) => {
    const after = await readTicks();
    const wallMs = performance.now() - start;
    return (
      before &&
      after &&
      disturbanceOf(before, after, { cpuMs, wallMs, cores: availableParallelism() })
    );
  };
}
