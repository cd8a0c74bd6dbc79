import cliProgress from 'cli-progress';

/** Shows how far the run is. */
export interface ProgressView {
  /** `total` in [0, 1]. */
  update(total: number, text: string): void;
  stop(): void;
}

/** `1 min 05 s` or `12 s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const rest = String(whole % 60).padStart(2, '0');
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${rest} s`;
}

/** What is left, if the rest goes on as what was done. */
export const timeLeft = (total: number, seconds: number): string =>
  total > 0.05 && seconds > 2
    ? `${formatSeconds((seconds * (1 - total)) / total)} left`
    : 'estimating';

/** A bar on a terminal; elsewhere a line whenever something else is being done. */
export function progressView(stream: NodeJS.WriteStream, clock: () => number): ProgressView {
  const start = clock();
  const left = (total: number): string => timeLeft(total, (clock() - start) / 1000);
  return stream.isTTY ? bar(stream, left) : lines(stream, left);
}

function bar(stream: NodeJS.WriteStream, left: (total: number) => string): ProgressView {
  const view = new cliProgress.SingleBar({
    format: '{bar} {percentage} % | {left} | {text}',
    ...{ stream, hideCursor: true, clearOnComplete: true, barsize: 24, linewrap: false },
    gracefulExit: true,
  });
  view.start(1000, 0, { left: 'estimating', text: '' });
  return {
    update: (total, text) => view.update(Math.round(total * 1000), { left: left(total), text }),
    stop: () => view.stop(),
  };
}

function lines(stream: NodeJS.WriteStream, left: (total: number) => string): ProgressView {
  let last = '';
  return {
    update: (total, text) => {
      if (text === last) return;
      last = text;
      const percent = String(Math.floor(total * 100)).padStart(3);
      stream.write(`${percent} % | ${left(total)} | ${text}\n`);
    },
    stop: () => undefined,
  };
}
