import type { Side } from '../rows.js';
import type { Json } from '../worker/protocol.js';
import { outcomeOf } from './outcome.js';
import { prepare, prepareRival } from './prepare.js';
import type { Bench, Measure } from './types.js';

/** The peak memory of a process that does nothing but the work: a fresh one each time. */
export const memory: Measure = async (row, bench) => {
  const { plan, workers, folder, progress } = bench;
  const [theirs] = row.theirs;
  progress(0, 'comparing');
  const [own, other] = [await workers.fresh(row.ours.worker), await workers.fresh(theirs!.worker)];
  try {
    const prepared = await prepare(own, row.ours, folder);
    const ready = await prepareRival(row, folder, theirs!, prepared, other);
    await Promise.all([own.close(), other.close()]);
    const sides = [{ ...prepared, side: row.ours, differences: [] }, ready];
    const rounds: number[][][] = [];
    while (rounds.length < plan.processes) {
      progress(0.2 + (0.8 * rounds.length) / plan.processes, 'measuring');
      const round: number[][] = [];
      for (const { side } of sides) {
        round.push([await peakOf(side, bench, side === row.ours ? null : prepared.handoff!)]);
      }
      rounds.push(round);
    }
    return outcomeOf(sides, rounds, row.per, []);
  } finally {
    await Promise.all([own.close(), other.close()]);
  }
};

async function peakOf(side: Side, { plan, workers, folder }: Bench, given: Json): Promise<number> {
  const worker = await workers.fresh(side.worker);
  try {
    await prepare(worker, side, folder, given, true);
    await worker.call('run', { job: side.label, iterations: plan.memorySteps });
    return (await worker.call('memory', {})).mebibytes;
  } finally {
    await worker.close();
  }
}
