import { existsSync, readFileSync } from 'node:fs';

/** The line `VmHWM` of `/proc/self/status`, in MiB. */
export function parsePeak(status: string): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
}

/** Largest resident size of this process so far, MiB. */
export function peakMebibytes(): number {
  const file = '/proc/self/status';
  const peak = existsSync(file) ? parsePeak(readFileSync(file, 'utf8')) : undefined;
  return peak ?? process.resourceUsage().maxRSS / 1024;
}
