import { setTimeout } from 'node:timers/promises';

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type Name = keyof typeof NUMBERS;
const WORDS = { SIGHUP: 'the end of the terminal', SIGINT: 'Ctrl-C', SIGTERM: 'SIGTERM' } as const;

/** Milliseconds within which a repeated signal counts as the same one: the terminal sends it to all, and npm passes it on again. */
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
 * Runs work that has nothing to save. If the signal aborts, its reason is thrown, whatever the work itself threw: Ctrl-C also reaches
 * the programs that this one runs (such as the compiler of the sources), so the work may fail before the signal is seen.
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
 * From now on the process handles Ctrl-C, SIGTERM and the end of the terminal itself and exits, so that the programs it runs end with
 * it. Within {@link interruptible} the first signal only asks the work to end; the second one exits at once. npm's shell dies of a
 * signal without passing it on: under npm, the end of the parent counts as SIGTERM.
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
    // Once it was asked to end, a repeated signal must not cut off its last message.
    if (!controller.signal.aborted) saving = undefined;
  }
}
