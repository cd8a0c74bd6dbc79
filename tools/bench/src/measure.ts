import type { Worker } from './client.js';
import { type Difference, disagreement } from './compare.js';
import { watchOthers } from './machine.js';
import type { Json, Prepared } from './protocol.js';
import { type ResultRow, resultRow } from './results.js';
import type { Row, Side } from './rows.js';
import { type Plan, takeTurns } from './take-turns.js';
import type { Workers } from './workers.js';

/** What a measurement works with. */
export interface Bench {
  readonly plan: Plan;
  readonly workers: Workers;
  /** A folder of its own for weights. */
  readonly folder: string;
  /** Called with what is being done. */
  readonly progress: (doing: string) => void;
}

/** GRPO steps of a process whose memory is measured. */
const MEMORY_STEPS = 4;

/** A side that is ready to be measured. */
interface Ready extends Prepared {
  readonly side: Side;
  readonly worker: Worker;
  readonly differences: readonly Difference[];
}

/** The first line of what was thrown. */
const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;

const prepare = (
  worker: Worker,
  { label: job, program, options }: Side,
  folder: string,
  given: Json,
  bare = false,
): Promise<Prepared> => worker.call('prepare', { job, program, options, given, folder, bare });

/** Prepares both sides of a row, refuses rivals that compute something else, and measures the rest. */
export async function measure(row: Row, bench: Bench): Promise<ResultRow> {
  const { workers, folder, progress } = bench;
  const ready: Ready[] = [];
  const failed: { label: string; reason: string }[] = [];
  const start = async (side: Side, own?: Prepared): Promise<void> => {
    const worker = await workers.get(side.worker);
    progress(`preparing ${side.label}`);
    const prepared = await prepare(worker, side, folder, own?.handoff ?? null);
    const differences = own ? row.compare(own.check, prepared.check) : [];
    ready.push({ ...prepared, side, worker, differences });
    const reason = disagreement(differences);
    if (reason === undefined) return;
    await release(ready.pop()!);
    throw new Error(reason);
  };
  try {
    await start(row.ours);
    const [own] = ready;
    for (const side of row.theirs) {
      await start(side, own).catch((error: unknown) => {
        if (row.theirs.length === 1) throw error;
        failed.push({ label: side.label, reason: reasonOf(error) });
      });
    }
    if (ready.length === 1) {
      throw new Error(failed.map(({ label, reason }) => `${label}: ${reason}`).join('; '));
    }
    progress('measuring');
    const { rounds, disturbance } = await (row.unit === 'MiB' ? memory : time)(ready, bench);
    return { ...resultRow(row, ready, rounds, failed), ...disturbance };
  } finally {
    for (const each of ready) await release(each).catch(() => undefined);
  }
}

const release = ({ worker, side }: Ready): Promise<object> =>
  worker.call('release', { job: side.label });

/** The time of an iteration: all take turns, so that all see the same machine. */
async function time(ready: readonly Ready[], { plan }: Bench) {
  let cpuMs = 0;
  const turns = ready.map(({ side, worker }) => async (iterations: number) => {
    const ran = await worker.call('run', { job: side.label, iterations });
    cpuMs += ran.cpuMs;
    return ran.samples;
  });
  const stopWatching = watchOthers();
  const rounds = await takeTurns(turns, plan);
  const disturbance = stopWatching(cpuMs).busy;
  return { rounds, disturbance: disturbance === undefined ? {} : { disturbance } };
}

/** The peak memory of a process that does nothing but the work: a fresh one each time. */
async function memory(ready: readonly Ready[], { plan, workers, folder }: Bench) {
  const peak = async (side: Side, given: Json): Promise<number> => {
    const worker = await workers.fresh(side.worker);
    try {
      await prepare(worker, side, folder, given, true);
      await worker.call('run', { job: side.label, iterations: MEMORY_STEPS });
      return (await worker.call('memory', {})).mebibytes;
    } finally {
      await worker.close();
    }
  };
  const rounds: number[][][] = [];
  while (rounds.length < plan.processes) {
    const round: number[][] = [];
    for (const { side } of ready) round.push([await peak(side, ready[0]!.handoff!)]);
    rounds.push(round);
  }
  return { rounds, disturbance: {} };
}
