import type { Json, Options, Prepared } from '../protocol.js';

/** Something that can be done again and again. */
export interface Job {
  /** The first iteration, what is compared, and what the other side needs. */
  compare(): Promise<Prepared & { readonly handoff: Json }>;
  /** What is timed. */
  iterate(): unknown;
  release?(): unknown;
}

/** Makes a job from a program's options, and a folder for what the other side reads. */
export type Program = (options: Options, folder: string) => Job | Promise<Job>;

/** The milliseconds that something takes, and its result. */
export async function timed<T>(work: () => T | Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}
