import { setTimeout } from 'node:timers/promises';

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type Name = keyof typeof NUMBERS;
const WORDS = { SIGHUP: 'the end of the terminal', SIGINT: 'Ctrl-C', SIGTERM: 'SIGTERM' } as const;

/** Milliseconds in which a signal that comes again is the same one: npm passes on what the terminal has sent to all already. */
const SAME = 1_500;

/** The reason for which work was ended: the user asked for it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** What shells report of a process that a signal ended. */
  readonly exitCode: number;

  constructor(signal: Name) {
    super(`stopped by ${WORDS[signal]}`);
    this.exitCode = 128 + NUMBERS[signal];
  }
}

/** Milliseconds in which a signal that has been sent is seen. */
const TURN = 20;

/**
 * Work that has nothing to save, and that ends with the signal's reason wherever it was: Ctrl-C also reaches the programs that
 * this one runs (what compiles the sources as they are loaded), so that it may fail of that before the signal is seen.
 */
export async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await setTimeout(TURN);
    signal.throwIfAborted();
  }
}

let saving: AbortController | undefined;

/**
 * From now on Ctrl-C, SIGTERM and the end of the terminal end the process by its own doing, so that the programs it runs end
 * with it; within {@link interruptible} they are asked for only, and the second one is obeyed at once. npm's shell dies of a
 * signal without passing it on: under npm, the end of the parent is a SIGTERM.
 */
export function endOnSignals(): void {
  let asked = -Infinity;
  const obey = (name: Name): void => {
    const reason = new Interrupted(name);
    if (saving === undefined) process.exit(reason.exitCode);
    if (!saving.signal.aborted) {
      asked = performance.now();
      saving.abort(reason);
    } else if (performance.now() - asked > SAME) process.exit(reason.exitCode);
  };
  for (const name of Object.keys(NUMBERS) as Name[]) process.on(name, obey);
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    obey('SIGTERM');
  }, 200).unref();
}

/**
 * Work that a signal does not end but asks to end, with its state saved.
 *
 * @param work - given the signal that aborts with {@link Interrupted}, which it should throw
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  saving = controller;
  try {
    return await work(controller.signal);
  } finally {
    // Once it was asked to end, a signal that comes again while it says so must not cut that short.
    if (!controller.signal.aborted) saving = undefined;
  }
}
