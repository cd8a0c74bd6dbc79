import { execFile } from 'node:child_process';

/** How a program ended. */
export interface Outcome {
  /** Exit status; `null` when a signal ended it or it could not be started. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it could not be started, or that it ran out of time. */
  readonly failure: 'missing' | 'timeout' | 'unstartable' | undefined;
}

/** Options of {@link run}. */
interface RunOptions {
  readonly timeoutMs: number;
  /** Environment variables on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end, quietly: no input, its output collected, ended when it takes too long. */
export function run(
  program: string,
  args: readonly string[],
  { timeoutMs, env = {} }: RunOptions,
): Promise<Outcome> {
  const options = {
    env: { ...process.env, ...env },
    windowsHide: true,
    maxBuffer: Infinity,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  } as const;
  return new Promise((resolve) => {
    const kill = (): boolean => child.kill('SIGKILL');
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      process.off('exit', kill);
      const { code = null, signal = null, killed } = error ?? { code: 0, killed: false };
      if (typeof code === 'string') {
        // It did not start.
        const failure = code === 'ENOENT' ? 'missing' : 'unstartable';
        resolve({ stdout, stderr: stderr || error!.message, status: null, signal: null, failure });
      } else {
        resolve({ stdout, stderr, status: code, signal, failure: killed ? 'timeout' : undefined });
      }
    });
    process.once('exit', kill);
    child.stdin?.end();
  });
}

/** The most telling line of what a failed program wrote. */
export function errorLine({ stderr, stdout, status, signal, failure }: Outcome): string {
  if (failure === 'timeout') return 'it took too long';
  const lines = `${stderr}\n${stdout}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.find((line) => /error/i.test(line)) ?? lines.at(-1);
  return telling ?? (signal === null ? `exit status ${status}` : `ended by ${signal}`);
}
