import { readFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Load, type Ticks, busyShare, parseTicks } from './busy.js';

/** Ticks of all processors, where the system tells. */
export const readTicks = async (): Promise<Ticks | undefined> => {
  try {
    return parseTicks(await readFile('/proc/stat', 'utf8'));
  } catch {
    return undefined;
  }
};

/** Looks at the machine for a second. */
export async function readLoad(): Promise<Load> {
  const before = await readTicks();
  if (before !== undefined) await sleep(1000);
  const after = await readTicks();
  const busy = before && after && busyShare(before, after);
  return {
    ...(busy === undefined ? {} : { busy }),
    average: loadavg()[0]!,
    cores: availableParallelism(),
  };
}
