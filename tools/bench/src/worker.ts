import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { type Methods, type Params, parseReply } from './protocol.js';

/** A process that computes on request. */
export interface Worker {
  /** Asks for one thing; one at a time. */
  call<M extends keyof Methods>(method: M, params: Params<M>): Promise<ReturnType<Methods[M]>>;
  /** Ends the process. */
  close(): Promise<void>;
}

/** Lines of a failed worker's standard error that are shown. */
const SHOWN = 12;

/**
 * Starts a worker process that speaks JSON lines.
 *
 * @returns the worker; its calls reject if it answers with an error or ends
 */
export function startWorker(
  name: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Worker {
  const child = spawn(program, args, { env: { ...process.env, ...env }, windowsHide: true });
  const log: string[] = [];
  let waiting: { resolve(result: never): void; reject(error: Error): void } | undefined;
  let ended: string | undefined;

  const failure = (): Error => {
    const shown = log.slice(-SHOWN).map((line) => `\n    ${line}`);
    return new Error(`${name}: the process ${ended}${shown.join('')}`);
  };
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const closed = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      process.off('exit', kill);
      ended ??= how;
      waiting?.reject(failure());
      resolve();
    };
    child.on('error', (error) => end(`could not be started: ${error.message}`));
    child.on('close', (status, signal) => end(`ended with ${signal ?? `status ${status}`}`));
  });
  child.stdin.on('error', () => undefined); // told by 'close'
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = parseReply(line);
    if (reply === undefined) log.push(line);
    else if ('error' in reply) waiting?.reject(new Error(`${name}: ${reply.error}`));
    else waiting?.resolve(reply.result as never);
  });
  return {
    call: (method, params) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(failure());
        waiting = { resolve, reject };
        child.stdin.write(`${JSON.stringify({ method, params })}\n`);
      }),
    close: () => {
      child.stdin.end();
      const timer = setTimeout(kill, 5_000);
      return closed.finally(() => clearTimeout(timer));
    },
  };
}
