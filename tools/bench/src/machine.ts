import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Results } from './results.js';

/**
 * The share of the machine, in [0, 1], that other processes used; time that was stolen counts.
 *
 * @param own - processors' time of our own processes, ms
 * @param idle - processors' time that nobody used, ms
 * @param all - processors' time that there was, ms
 */
export const othersShare = (own: number, idle: number, all: number): number =>
  Math.max(0, 1 - (idle + own) / all);

/**
 * Watches what other processes do meanwhile.
 *
 * @returns a function that is told the processors' time of our own processes, ms, and gives which share of the machine others used
 */
export function watchOthers(): (cpuMs: number) => number {
  const idle = (): number => cpus().reduce((sum, { times }) => sum + times.idle, 0);
  const [start, before] = [performance.now(), idle()];
  return (cpuMs) =>
    othersShare(cpuMs, idle() - before, (performance.now() - start) * cpus().length);
}

/** Looks at the machine for a second. */
export async function readLoad(): Promise<Results['load']> {
  const stop = watchOthers();
  await sleep(1000);
  return { busy: stop(0), cores: availableParallelism() };
}

/** Above this share of the machine a measurement is disturbed. */
export const LIMIT = 0.15;

/**
 * Why nothing should be measured now.
 *
 * @returns a sentence, or nothing if the machine is free
 */
export const refusal = ({ busy }: Results['load']): string | undefined =>
  busy <= LIMIT
    ? undefined
    : `bench: the processors are ${Math.round(busy * 100)} % busy, expected at most ${LIMIT * 100} %; end what else is running, or measure all the same with --force`;

/** The line `VmHWM` of `/proc/self/status`, in MiB. */
export function parsePeak(status: string): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
}

/** Largest resident size of this process so far, MiB. What `resourceUsage` says includes the parent's on Linux. */
export function peakMebibytes(): number {
  const status = '/proc/self/status';
  const peak = existsSync(status) ? parsePeak(readFileSync(status, 'utf8')) : undefined;
  return peak ?? process.resourceUsage().maxRSS / 1024;
}

/** What the numbers were made on. */
export const describeMachine = (): Results['machine'] => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${process.arch}`,
});

/** `2 x AMD EPYC` */
export const processors = `${cpus().length} x ${describeMachine().processor}`;

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
