/** The parts of Node's `process` that are read here; absent in a browser. */
interface Runtime {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly versions?: { readonly node?: string };
}

const runtime = (): Runtime | undefined => (globalThis as { process?: Runtime }).process;

/** Whether this is Node.js (or a runtime that behaves like it). */
export const isNode = (): boolean => runtime()?.versions?.node !== undefined;

/** An environment variable; `undefined` where it is unset, empty, or there is no environment. */
export const environment = (name: string): string | undefined => {
  const value = runtime()?.env?.[name];
  return value === '' ? undefined : value;
};

/** Whether `CFRL_LOG`, a list with commas, names a topic. */
export const isLogged = (topic: string): boolean =>
  (environment('CFRL_LOG') ?? '').split(',').includes(topic);

/** What an error says, in one line. */
export const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
