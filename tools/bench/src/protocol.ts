/** A value that survives JSON. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Options of a program. */
export type Options = Readonly<Record<string, Json>>;

/** Numbers by which two sides are compared before they are timed. */
export type Check = Readonly<Record<string, readonly number[]>>;

/** What `prepare` asks of a worker. */
export interface PrepareRequest {
  /** The name under which the job is run and released. */
  readonly job: string;
  /** Which of the worker's programs. */
  readonly program: string;
  readonly options: Options;
  /** What the other side handed over: weights, data, settings; null for the side that makes them. */
  readonly given: Json;
  /** A folder for weights. */
  readonly folder: string;
  /** Whether to leave out the comparison, which costs memory of its own. */
  readonly bare: boolean;
}

/** What `prepare` answers. */
export interface Prepared {
  readonly check: Check;
  /** The first iteration, compilation included, ms. */
  readonly firstMs: number;
  /** For the other side's `given`. */
  readonly handoff?: Json;
}

/** The methods of a worker: from parameters to the result. */
export interface Methods {
  hello(params: object): { versions: Readonly<Record<string, string>>; threads: number };
  prepare(params: PrepareRequest): Prepared;
  /** Milliseconds an iteration, measured in the worker, and the processors' time that all of them took. */
  run(params: { job: string; iterations: number }): { samples: number[]; cpuMs: number };
  /** The process's largest resident size so far. */
  memory(params: object): { mebibytes: number };
  release(params: { job: string }): object;
}

/** What a method is given. */
export type Params<M extends keyof Methods> = Parameters<Methods[M]>[0];

/** A line from a worker. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

/** The reply in a line, or nothing for what a library printed. */
export function parseReply(line: string): Reply | undefined {
  if (!line.startsWith('{"id":')) return undefined;
  try {
    return JSON.parse(line) as Reply;
  } catch {
    return undefined;
  }
}
