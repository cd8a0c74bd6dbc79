import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Results } from './results.js';

/** Ticks of all processors since the start. */
export interface Ticks {
  readonly total: number;
  readonly idle: number;
}

/** The first line of `/proc/stat`; nothing if there is no such line. */
export function parseTicks(stat: string): Ticks | undefined {
  const line = /^cpu +(.+)$/m.exec(stat)?.[1];
  if (line === undefined) return undefined;
  // user nice system idle iowait irq softirq steal; guest time is part of user time.
  const numbers = line.split(' ').slice(0, 8).map(Number);
  const total = numbers.reduce((sum, ticks) => sum + ticks, 0);
  return { total, idle: (numbers[3] ?? 0) + (numbers[4] ?? 0) };
}

/** A file of Linux's `/proc`; empty elsewhere. */
const proc = (name: string): string => {
  const file = `/proc/${name}`;
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

/** The share of time between two readings in which the processors were not idle; time that was stolen counts. */
export function busyShare(before?: Ticks, after?: Ticks): number | undefined {
  const total = (after?.total ?? 0) - (before?.total ?? 0);
  return before && after && total > 0 ? 1 - (after.idle - before.idle) / total : undefined;
}

/** Looks at the machine for a second. */
export async function readLoad(): Promise<Results['load']> {
  const before = parseTicks(proc('stat'));
  if (before !== undefined) await sleep(1000);
  const busy = busyShare(before, parseTicks(proc('stat')));
  const [average] = loadavg();
  return {
    ...(busy === undefined ? {} : { busy }),
    average: average!,
    cores: availableParallelism(),
  };
}

/** Above this share of the machine a measurement is disturbed. */
export const LIMIT = 0.15;

/**
 * Why nothing should be measured now. The last second decides where the system tells it, since the load average
 * remembers what has ended; else the load average does.
 *
 * @returns a sentence, or nothing if the machine is free
 */
export function refusal({ busy, average, cores }: Results['load']): string | undefined {
  const share = busy ?? average / cores;
  if (share <= LIMIT) return undefined;
  const percent = Math.round(share * 100);
  const what =
    busy === undefined
      ? `the load average is ${average.toFixed(2)} on ${cores} processors (${percent} %)`
      : `the processors are ${percent} % busy`;
  return (
    `bench: ${what}, expected at most ${LIMIT * 100} %; end what else is running, or measure all the same ` +
    'with --force'
  );
}

/**
 * The share of the machine, in [0, 1], that other processes used between two readings.
 *
 * @param own - the processors' time of our own processes in between, in shares of the machine
 */
export function othersShare(own: number, before?: Ticks, after?: Ticks): number | undefined {
  const busy = busyShare(before, after);
  return busy === undefined ? undefined : Math.max(0, busy - own);
}

/**
 * Watches what other processes do meanwhile.
 *
 * @returns a function that is told the processors' time of our own processes, and says which share of the machine others
 *   used; nothing where the system does not tell
 */
export function watchOthers(): (cpuMs: number) => number | undefined {
  const start = performance.now();
  const before = parseTicks(proc('stat'));
  return (cpuMs) => {
    const wallMs = performance.now() - start;
    const own = cpuMs / (wallMs * availableParallelism());
    return othersShare(own, before, parseTicks(proc('stat')));
  };
}

/** The line `VmHWM` of `/proc/self/status`, in MiB. */
export function parsePeak(status: string): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
}

/** Largest resident size of this process so far, MiB. */
export const peakMebibytes = (): number =>
  parsePeak(proc('self/status')) ?? process.resourceUsage().maxRSS / 1024;

/** What the numbers were made on. */
export const describeMachine = (): Results['machine'] => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${process.arch}`,
});

/** The commit that was measured, and whether files differed from it. */
export function describeCommit(): Results['commit'] {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: new URL('.', import.meta.url),
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', ':/packages', ':/tools');
    return { id: git('rev-parse', '--short=12', 'HEAD'), modified: changed !== '' };
  } catch {
    return { id: 'unknown', modified: true };
  }
}
