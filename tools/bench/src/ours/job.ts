import type { Check, Json, Options, Prepared } from '../protocol.js';

/** Something that can be done again and again. */
export interface Job {
  /** The first iteration, what is compared, and what the other side needs. */
  compare(): Promise<Prepared>;
  /** What is timed. */
  iterate(): unknown;
}

/** Makes a job from a program's options, and a folder for what the other side reads. */
export type Program = (options: Options, folder: string) => Job | Promise<Job>;

/** The milliseconds that something takes, and its result. */
export async function timed<T>(work: () => T | Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

type Compared = { readonly check: Check; readonly handoff?: Json };

/**
 * A job.
 *
 * @param first - the first iteration
 * @param compared - from its result to the numbers that are compared, and what the other side needs
 * @param iterate - the iterations after it, where they are not as the first
 */
export const jobOf = <T>(
  first: () => T | Promise<T>,
  compared: (result: T) => Compared | Promise<Compared>,
  iterate: () => unknown = first,
): Job => ({
  compare: async () => {
    const { ms, result } = await timed(first);
    return { firstMs: ms, ...(await compared(result)) };
  },
  iterate,
});
