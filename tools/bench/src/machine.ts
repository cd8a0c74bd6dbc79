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
const proc = (name: string): string =>
  existsSync(`/proc/${name}`) ? readFileSync(`/proc/${name}`, 'utf8') : '';

/**
 * The share of the machine, in [0, 1], that other processes used between two readings; time that was stolen counts.
 *
 * @param own - what our own processes used of it
 */
export function othersShare(own: number, before?: Ticks, after?: Ticks): number | undefined {
  const total = (after?.total ?? 0) - (before?.total ?? 0);
  if (before === undefined || after === undefined || total <= 0) return undefined;
  return Math.max(0, 1 - (after.idle - before.idle) / total - own);
}

/**
 * Watches what other processes do meanwhile.
 *
 * @returns a function that is told the processors' time of our own processes, and gives which share of the machine others
 *   used, as a property; none where the system does not tell
 */
export function watchOthers(): (cpuMs: number) => { readonly busy?: number } {
  const start = performance.now();
  const before = parseTicks(proc('stat'));
  return (cpuMs) => {
    const own = cpuMs / ((performance.now() - start) * availableParallelism());
    const busy = othersShare(own, before, parseTicks(proc('stat')));
    return busy === undefined ? {} : { busy };
  };
}

/** Looks at the machine for a second. */
export async function readLoad(): Promise<Results['load']> {
  const stop = watchOthers();
  await sleep(1000);
  return { ...stop(0), average: loadavg()[0]!, cores: availableParallelism() };
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
  return `bench: ${what}, expected at most ${LIMIT * 100} %; end what else is running, or measure all the same with --force`;
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
  const args = ['describe', '--always', '--exclude=*', '--abbrev=12', '--dirty'];
  try {
    const cwd = new URL('.', import.meta.url);
    const [id, dirty] = execFileSync('git', args, { cwd, encoding: 'utf8' }).trim().split('-');
    return { id: id!, modified: dirty !== undefined };
  } catch {
    return { id: 'unknown', modified: true };
  }
}
