import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { type Methods, parseReply } from './protocol.js';

/** A process that computes on request. */
export interface Worker {
  /** Asks for one thing; one at a time. */
  call<M extends keyof Methods>(method: M, params: Methods[M][0]): Promise<Methods[M][1]>;
  /** Ends the process. */
  close(): Promise<void>;
}

/** How a worker is started. */
export interface WorkerCommand {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** Lines of a failed worker's standard error that are shown. */
const SHOWN = 12;

/**
 * Starts a worker process that speaks JSON lines.
 *
 * @param command - program, arguments and environment
 * @returns the worker; its calls reject if it answers with an error or ends
 */
export function startWorker({ name, program, args, env }: WorkerCommand): Worker {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const waiting = new Map<number, Waiting>();
  const log: string[] = [];
  const note = (line: string): void => void log.push(line);
  let ended: string | undefined;
  let calls = 0;

  const tail = (): string =>
    log
      .slice(-SHOWN)
      .map((line) => `\n    ${line}`)
      .join('');
  const end = (how: string): void => {
    ended ??= how;
    waiting.forEach(({ reject }) => reject(new Error(`${name}: the process ${ended}${tail()}`)));
    waiting.clear();
  };
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const closed = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      end(`could not be started: ${error.message}`);
      resolve();
    });
    child.on('close', (status, signal) => {
      process.off('exit', kill);
      end(`ended with ${signal ?? `status ${status}`}`);
      resolve();
    });
  });
  child.stdin.on('error', () => undefined); // told by 'close'
  createInterface({ input: child.stderr }).on('line', note);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = parseReply(line);
    if (reply === undefined) return note(line);
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) asked?.reject(new Error(`${name}: ${reply.error}`));
    else asked?.resolve(reply.result as never);
  });

  return {
    call: (method, params) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(new Error(`${name}: the process ${ended}${tail()}`));
        const id = (calls += 1);
        waiting.set(id, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ id, method, params })}\n`);
      }),
    close: () => {
      child.stdin.end();
      const timer = setTimeout(kill, 5_000);
      return closed.finally(() => clearTimeout(timer));
    },
  };
}
