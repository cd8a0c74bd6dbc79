/** A value that survives JSON. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Numbers by which two sides are compared before they are timed. */
export type Check = Readonly<Record<string, readonly number[]>>;

/** What `prepare` asks of a worker. */
export interface PrepareRequest {
  /** The name under which the job is run and released. */
  readonly job: string;
  /** Which of the worker's programs. */
  readonly program: string;
  /** The program's own options. */
  readonly options: Json;
  /** What the other side handed over: weights, data, settings; absent for the side that makes them. */
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

/** What `hello` answers. */
export interface Hello {
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
}

/** The methods of a worker: request and result. */
export interface Methods {
  hello: [Record<string, never>, Hello];
  prepare: [PrepareRequest, Prepared];
  /** Milliseconds an iteration, measured in the worker, and the processors' time that all of them took. */
  run: [
    { readonly job: string; readonly iterations: number },
    { readonly samples: number[]; readonly cpuMs: number },
  ];
  /** The process's largest resident size so far. */
  memory: [Record<string, never>, { readonly mebibytes: number }];
  release: [{ readonly job: string }, Record<string, never>];
}

/** A line to a worker. */
export interface Request<M extends keyof Methods = keyof Methods> {
  readonly id: number;
  readonly method: M;
  readonly params: Methods[M][0];
}

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
