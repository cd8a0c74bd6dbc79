import { watchOthers } from '../machine/watch.js';
import { outcomeOf } from './outcome.js';
import { type Ready, prepare, prepareRival } from './prepare.js';
import { takeTurns } from './take-turns.js';
import type { Measure } from './types.js';

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;

/** The time of an iteration: both sides take turns, so that both see the same machine. */
export const time: Measure = async (row, bench) => {
  const { plan, workers, folder, progress } = bench;
  const worker = await workers.get(row.ours.worker);
  progress(0, 'preparing ours');
  const own: Ready = {
    ...(await prepare(worker, row.ours, folder)),
    side: row.ours,
    worker,
    differences: [],
  };
  const rivals: Ready[] = [];
  try {
    const failed: { label: string; reason: string }[] = [];
    for (const side of row.theirs) {
      progress(0.05, `preparing ${side.label}`);
      const greeted = await workers.get(side.worker);
      await prepareRival(row, folder, side, own, greeted).then(
        (ready) => rivals.push(ready),
        (error: unknown) => {
          if (row.theirs.length === 1) throw error;
          failed.push({ label: side.label, reason: firstLine(error) });
        },
      );
    }
    if (rivals.length === 0)
      throw new Error(failed.map(({ label, reason }) => `${label}: ${reason}`).join('; '));
    const sides = [own, ...rivals];
    let cpuMs = 0;
    const stopWatching = await watchOthers();
    const turns = sides.map(({ side: { label: job }, worker }) => async (iterations: number) => {
      const ran = await worker.call('run', { job, iterations });
      cpuMs += ran.cpuMs;
      return ran.samples;
    });
    progress(0.2, 'measuring');
    const rounds = await takeTurns(turns, plan, (share) =>
      progress(0.2 + 0.8 * share, 'measuring'),
    );
    const disturbance = await stopWatching(cpuMs);
    return {
      ...outcomeOf(sides, rounds, row.per, failed),
      ...(disturbance === undefined ? {} : { disturbance }),
    };
  } finally {
    for (const { side, worker: greeted } of [own, ...rivals]) {
      await greeted.call('release', { job: side.label }).catch(() => undefined);
    }
  }
};
