/** How much of the machine others use. */
export interface Load {
  /** Share of the processors' time in the last second, in [0, 1]; absent where the system does not tell. */
  readonly busy?: number;
  /** Load average of the last minute, processes that want to run. */
  readonly average: number;
  readonly cores: number;
}

/** Ticks of all processors since the start. */
export interface Ticks {
  readonly total: number;
  readonly idle: number;
}

/**
 * The first line of `/proc/stat`.
 *
 * @returns nothing if there is no such line
 */
export function parseTicks(stat: string): Ticks | undefined {
  const line = /^cpu +(.+)$/m.exec(stat)?.[1];
  if (line === undefined) return undefined;
  // user nice system idle iowait irq softirq steal; guest time is part of user time.
  const numbers = line.split(' ').slice(0, 8).map(Number);
  const total = numbers.reduce((sum, ticks) => sum + ticks, 0);
  return { total, idle: (numbers[3] ?? 0) + (numbers[4] ?? 0) };
}

/** The share of time between two readings in which the processors were not idle; time that was stolen counts. */
export function busyShare(before: Ticks, after: Ticks): number | undefined {
  const total = after.total - before.total;
  return total > 0 ? 1 - (after.idle - before.idle) / total : undefined;
}

/**
 * How much of the machine other processes used while ours took turns.
 *
 * @param before - ticks at the start
 * @param after - ticks at the end
 * @param cpuMs - processors' time of our own processes in between
 * @param wallMs - time in between
 * @param cores - processors
 * @returns a share in [0, 1]
 */
export function disturbanceOf(
  before: Ticks,
  after: Ticks,
  {
    cpuMs,
    wallMs,
    cores,
  }: { readonly cpuMs: number; readonly wallMs: number; readonly cores: number },
): number | undefined {
  const busy = busyShare(before, after);
  return busy === undefined ? undefined : Math.max(0, busy - cpuMs / (wallMs * cores));
}

/** Above this share of the machine a measurement is disturbed. */
export const LIMIT = 0.15;

/**
 * Why nothing should be measured now. The last second decides where the system tells it, since the load average
 * remembers what has ended; else the load average does.
 *
 * @returns a sentence, or nothing if the machine is free
 */
export function refusal({ busy, average, cores }: Load): string | undefined {
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
