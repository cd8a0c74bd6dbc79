import type { Check, Json } from '../worker/protocol.js';
import type { Size } from '../work/sizes.js';

/** What a job is made from. */
export interface JobRequest {
  readonly size: Size;
  /** The program's own options. */
  readonly options: Readonly<Record<string, Json>>;
  /** Where to leave the weights for the other side. */
  readonly folder: string;
  /** Whether to leave out the comparison and the weights. */
  readonly bare: boolean;
}

/** Something that can be done again and again, ready to be timed. */
export interface Job {
  readonly check: Check;
  readonly firstMs: number;
  readonly handoff: Json;
  /** What is timed. */
  iterate(): Promise<void>;
  release(): Promise<void>;
}

/** Makes a job. */
export type PrepareJob = (request: JobRequest) => Promise<Job>;

/** The milliseconds that something takes, and its result. */
export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}
