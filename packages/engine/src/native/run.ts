import { spawn, type SpawnOptions } from 'node:child_process';

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

/** Runs a program to its end, quietly: no input, its output collected, killed (with its children) when it takes too long. */
export function run(
  program: string,
  args: readonly string[],
  {
    timeoutMs,
    env = process.env,
    cwd,
  }: { timeoutMs: number; env?: NodeJS.ProcessEnv; cwd?: string },
): Promise<Outcome> {
  return new Promise((resolve) => {
    let stdout = '';
    let stderr = '';
    let failure: Outcome['failure'];
    // A process group of its own on POSIX, so that what it starts ends with it.
    const detached = process.platform !== 'win32';
    const options: SpawnOptions = {
      env,
      detached,
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    };
    const child = spawn(program, args, cwd === undefined ? options : { ...options, cwd });
    const kill = (): void => {
      try {
        if (detached && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        else child.kill('SIGKILL');
      } catch {
        // It has ended already.
      }
    };
    const timer = setTimeout(() => {
      failure = 'timeout';
      kill();
    }, timeoutMs);
    process.once('exit', kill);
    const end = (status: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      process.off('exit', kill);
      resolve({ status, signal, stdout, stderr, failure });
    };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error: NodeJS.ErrnoException) => {
      failure ??= error.code === 'ENOENT' ? 'missing' : 'unstartable';
      stderr ||= error.message;
      end(null, null);
    });
    child.on('close', end);
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
