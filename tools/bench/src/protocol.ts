/** A value that survives JSON. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Options of a program. */
export type Options = Readonly<Record<string, Json>>;

/** Numbers by which two sides are compared before they are timed. */
export type Check = Readonly<Record<string, readonly number[]>>;

/** What a program computed first. */
export interface Prepared {
  readonly check: Check;
  /** The first iteration, compilation included, ms. */
  readonly firstMs: number;
  /** For the other side's `given`. */
  readonly handoff?: Json;
}

/** What a process says of itself. */
interface Process {
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
}

/** The methods of a worker, a process that does one job. */
export interface Methods {
  prepare(params: {
    program: string;
    options: Options;
    /** What the other side handed over: weights, data, settings; null for the side that makes them. */
    given: Json;
    /** A folder for weights. */
    folder: string;
    /** Whether to leave out the comparison, which costs memory of its own. */
    bare: boolean;
  }): Prepared & Process;
  /** The ms of each iteration, the ms of all processors, and the largest resident size so far. */
  run(params: { iterations: number }): { samples: number[]; cpuMs: number; mebibytes: number };
}

/** What a method is given. */
export type Params<M extends keyof Methods> = Parameters<Methods[M]>[0];

/** A line from a worker; nothing if it is what a library printed. */
export function parseReply(line: string): { result: unknown } | { error: string } | undefined {
  if (!/^\{"(result|error)":/.test(line)) return undefined;
  try {
    return JSON.parse(line) as ReturnType<typeof parseReply>;
  } catch {
    return undefined;
  }
}
