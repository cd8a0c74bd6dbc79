import { spawn } from 'node:child_process';

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
export interface RunOptions {
  readonly timeoutMs: number;
  /** Environment variables on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program to its end, quietly: no input, its output collected, ended when it takes too long. */
export function run(
  program: string,
  args: readonly string[],
  { timeoutMs, env = {}, cwd = process.cwd() }: RunOptions,
): Promise<Outcome> {
  return new Promise((resolve) => {
    let stdout = '';
    let stderr = '';
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = (): boolean => child.kill('SIGKILL');
    process.once('exit', kill);
    const end = (outcome: Pick<Outcome, 'status' | 'signal' | 'failure'>): void => {
      clearTimeout(timer);
      process.off('exit', kill);
      resolve({ stdout, stderr, ...outcome });
    };
    const timer = setTimeout(() => {
      kill();
      child.stdout.destroy();
      child.stderr.destroy();
      end({ status: null, signal: null, failure: 'timeout' });
    }, timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error: NodeJS.ErrnoException) => {
      stderr ||= error.message;
      const failure = error.code === 'ENOENT' ? 'missing' : 'unstartable';
      end({ status: null, signal: null, failure });
    });
    child.on('close', (status, signal) => end({ status, signal, failure: undefined }));
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
