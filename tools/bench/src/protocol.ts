/** A value that survives JSON. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Options of a program. */
export type Options = Readonly<Record<string, Json>>;

/** Numbers by which two sides are compared before they are timed. */
export type Check = Readonly<Record<string, readonly number[]>>;

/** What a worker is to make a job from. */
interface PrepareRequest {
  /** The name under which the job is run and released. */
  readonly job: string;
  readonly program: string;
  readonly options: Options;
  /** What the other side handed over: weights, data, settings; null for the side that makes them. */
  readonly given: Json;
  /** A folder for weights. */
  readonly folder: string;
  /** Whether to leave out the comparison, which costs memory of its own. */
  readonly bare: boolean;
}

/** A job that is there. */
export interface Prepared {
  readonly check: Check;
  /** The first iteration, compilation included, ms. */
  readonly firstMs: number;
  /** For the other side's `given`. */
  readonly handoff?: Json;
}

/** The methods of a worker. Times are in ms, `cpuMs` of all processors; memory is the largest resident size so far. */
export interface Methods {
  hello(params: object): { versions: Readonly<Record<string, string>>; threads: number };
  prepare(params: PrepareRequest): Prepared;
  run(params: { job: string; iterations: number }): { samples: number[]; cpuMs: number };
  memory(params: object): { mebibytes: number };
  release(params: { job: string }): object;
}

/** What a method is given. */
export type Params<M extends keyof Methods> = Parameters<Methods[M]>[0];

/** A line from a worker; nothing if it is what a library printed. */
export function parseReply(
  line: string,
): { id: number; result: unknown } | { id: number; error: string } | undefined {
  if (!line.startsWith('{"id":')) return undefined;
  try {
    return JSON.parse(line) as ReturnType<typeof parseReply>;
  } catch {
    return undefined;
  }
}
