import cliProgress from 'cli-progress';

import type { ExperimentProgress } from '../experiment/experiment.js';

/** Shows how far an experiment is. */
export interface ProgressView {
  /** Called after every step. */
  update(progress: ExperimentProgress): void;
  /** Called at the end, however it came. */
  stop(): void;
}

/** Seconds as `1 min 05 s` or `12 s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const rest = whole % 60;
  return whole < 60
    ? `${whole} s`
    : `${Math.floor(whole / 60)} min ${String(rest).padStart(2, '0')} s`;
}

/**
 * Time left, from what this process has done itself: a resumed experiment begins above 0.
 *
 * @param clock - milliseconds
 */
export function etaEstimator(clock: () => number): (total: number) => number | undefined {
  const start = clock();
  let first: number | undefined;
  return (total) => {
    first ??= total;
    const done = total - first;
    const seconds = (clock() - start) / 1000;
    return done > 0.01 && seconds > 1 ? ((1 - total) * seconds) / done : undefined;
  };
}

/** A bar of a terminal. Signals are left to `signals.ts`: the bar would take them for itself, and the process would go on. */
export const terminalBar = (
  stream: NodeJS.WriteStream,
  words: string,
  options: cliProgress.Options = {},
): cliProgress.SingleBar =>
  new cliProgress.SingleBar({
    format: `{bar} {percentage} % | ${words}`,
    stream,
    clearOnComplete: true,
    barsize: 24,
    gracefulExit: false,
    ...options,
  });

/** A bar on a terminal; elsewhere (a log, CI) a line every tenth and whenever a run ends. */
export function progressView(stream: NodeJS.WriteStream): ProgressView {
  const eta = etaEstimator(() => performance.now());
  const left = (total: number): string => {
    const seconds = eta(total);
    return seconds === undefined ? 'estimating' : `${formatSeconds(seconds)} left`;
  };
  return stream.isTTY ? bar(stream, left) : lines(stream, left);
}

function bar(stream: NodeJS.WriteStream, left: (total: number) => string): ProgressView {
  const shown = { hideCursor: true, linewrap: false };
  const view = terminalBar(stream, '{left} | {unit} | {text}', shown);
  view.start(1000, 0, { left: 'estimating', unit: '', text: '' });
  const stop = (): void => {
    process.off('exit', stop);
    if (view.isActive) view.stop();
  };
  process.on('exit', stop); // the cursor is hidden
  return {
    update: ({ total, unit, text }) => {
      view.update(Math.round(total * 1000), { left: left(total), unit, text });
    },
    stop,
  };
}

function lines(stream: NodeJS.WriteStream, left: (total: number) => string): ProgressView {
  let tenth = -1;
  return {
    update: ({ total, unit, text, fraction, index, units }) => {
      const now = Math.floor(total * 10);
      const remaining = left(total);
      if (now === tenth && fraction < 1) return;
      tenth = now;
      const percent = String(Math.floor(total * 100)).padStart(3);
      stream.write(
        `${percent} % | ${remaining} | run ${index + 1} of ${units}: ${unit} | ${text}\n`,
      );
    },
    stop: () => undefined,
  };
}

/** Shows what a command is doing, and how far it is. */
export interface TaskView {
  /** `share` in `[0, 1]`, or undefined where it cannot be told. */
  update(what: string, share: number | undefined): void;
  stop(): void;
}

/** A line that is written anew on a terminal; elsewhere a line whenever something else begins, and every ten seconds. */
export function taskView(stream: NodeJS.WriteStream): TaskView {
  const eta = etaEstimator(() => performance.now());
  let [doing, said] = ['', -Infinity];
  return {
    update: (what, share) => {
      const seconds = share === undefined ? undefined : eta(share);
      const percent = share === undefined ? '' : ` | ${Math.floor(100 * share)} %`;
      const left = seconds === undefined ? '' : ` | ${formatSeconds(seconds)} left`;
      const now = performance.now();
      if (stream.isTTY) stream.write(`\r\u001b[K${what}${percent}${left}`);
      else if (what !== doing || now - said > 10_000) {
        stream.write(`${what}${percent}${left}\n`);
        said = now;
      }
      doing = what;
    },
    stop: () => {
      if (stream.isTTY && doing !== '') stream.write('\r\u001b[K');
      doing = '';
    },
  };
}
