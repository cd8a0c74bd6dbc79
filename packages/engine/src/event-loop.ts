/** Work for longer than this keeps timers, servers and signals waiting, milliseconds. */
const LONGEST = 10;

/** When the event loop last had a turn through {@link yieldToEventLoop}, milliseconds. */
let lastTurn = 0;

/** What browsers and Node.js have in common. */
type Port = { onmessage: (() => void) | null; close(): void; postMessage(message: unknown): void };

/** One turn of the event loop: timers that are due fire, input is read, signals arrive. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else {
      // As fast in a browser, where a timer waits for four milliseconds.
      const { port1, port2 } = new MessageChannel() as unknown as { port1: Port; port2: Port };
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    }
  });

/**
 * Lets the rest of the program live while long work is done: to be awaited between two calls into native code, which hold the
 * event loop. It waits for one turn of the loop if there was none for 10 ms, whoever asked for that one, and else returns at once.
 *
 * @param signal - asked before and after the turn
 * @throws the signal's reason, if it has aborted
 *
 * @example
 * ```ts
 * const controller = new AbortController();
 * setTimeout(() => controller.abort(new Error('enough')), 1);
 * const work = async () => {
 *   for (;;) await yieldToEventLoop(controller.signal); // without a turn the timer would never fire
 * };
 * await work().catch(({ message }) => message); // => "enough"
 * ```
 */
export async function yieldToEventLoop(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  if (performance.now() - lastTurn < LONGEST) return;
  await turn();
  lastTurn = performance.now();
  signal?.throwIfAborted();
}
