import { type Difference, disagreement } from './compare.js';
import { watchOthers } from './machine.js';
import type { Json, Prepared } from './protocol.js';
import { type ResultRow, type Results, resultRow } from './results.js';
import type { Row, Side } from './rows.js';
import { type Plan, takeTurns } from './take-turns.js';
import type { Worker } from './worker.js';
import { THREADS, type WorkerName } from './workers.js';

/** What a measurement works with. */
export interface Bench {
  readonly plan: Plan;
  readonly startWorker: (name: WorkerName) => Worker;
  /** A folder of its own for weights. */
  readonly folder: string;
  /** Called with what is being done. */
  readonly progress: (doing: string) => void;
  /** Filled with what the processes say of themselves. */
  readonly said: Pick<Results, 'versions' | 'threads'>;
}

/** GRPO steps of a process whose memory is measured. */
const MEMORY_STEPS = 4;

/** A side that is ready to be measured, in a process of its own. */
interface Ready extends Prepared {
  readonly side: Side;
  readonly worker: Worker;
  readonly differences: readonly Difference[];
}

type Differ = (theirs: Prepared) => readonly Difference[];

/** Starts a process for a side, and refuses it if it computes something else than ours. */
async function start(
  side: Side,
  { startWorker, folder, said }: Bench,
  { given = null, bare = false, differ }: { given?: Json; bare?: boolean; differ?: Differ } = {},
): Promise<Ready> {
  const { worker: name, program, options } = side;
  const worker = startWorker(name);
  try {
    const prepared = await worker.call('prepare', { program, options, given, folder, bare });
    const { versions, threads } = prepared;
    // WebAssembly has one thread in Node.js, whatever it is given.
    if (threads !== THREADS && name !== 'wasm') {
      throw new Error(
        `bench: ${name} has ${threads} threads, expected ${THREADS}; measure on a machine with at least ${THREADS} processors`,
      );
    }
    Object.assign(said.versions, versions);
    said.threads[name] = threads;
    const differences = differ?.(prepared) ?? [];
    const reason = disagreement(differences);
    if (reason !== undefined) throw new Error(reason);
    return { ...prepared, side, worker, differences };
  } catch (error) {
    await worker.close();
    throw error;
  }
}
/** Prepares both sides of a row, refuses rivals that compute something else, and measures the rest. */
export async function measure(row: Row, bench: Bench): Promise<ResultRow> {
  bench.progress(`preparing ${row.ours.label}`);
  const own = await start(row.ours, bench);
  const ready = [own];
  const failed: { label: string; reason: string }[] = [];
  const differ: Differ = ({ check }) => row.compare.flatMap((compare) => compare(own.check, check));
  try {
    for (const side of row.theirs) {
      bench.progress(`preparing ${side.label}`);
      try {
        ready.push(await start(side, bench, { given: own.handoff ?? null, differ }));
      } catch (error) {
        if (row.theirs.length === 1) throw error;
        failed.push({ label: side.label, reason: (error as Error).message.split('\n', 1)[0]! });
      }
    }
    if (ready.length === 1) {
      throw new Error(failed.map(({ label, reason }) => `${label}: ${reason}`).join('; '));
    }
    bench.progress('measuring');
    const measured = await (row.unit === 'MiB' ? memory : time)(ready, bench);
    const { rounds, ...disturbance } = measured;
    return { ...resultRow(row, ready, rounds, failed), ...disturbance };
  } finally {
    await Promise.all(ready.map(({ worker }) => worker.close()));
  }
}

/** The time of an iteration: all take turns, so that all see the same machine. */
async function time(ready: readonly Ready[], { plan }: Bench) {
  let cpuMs = 0;
  const turns = ready.map(({ worker }) => async (iterations: number) => {
    const ran = await worker.call('run', { iterations });
    cpuMs += ran.cpuMs;
    return ran.samples;
  });
  const stopWatching = watchOthers();
  const rounds = await takeTurns(turns, plan);
  return { rounds, disturbance: stopWatching(cpuMs) };
}

/** The peak memory of a process that does nothing but the work: a fresh one each time. */
async function memory(ready: readonly Ready[], bench: Bench) {
  const rounds: number[][][] = [];
  while (rounds.length < bench.plan.processes) {
    const round: number[][] = [];
    for (const { side } of ready) {
      const { worker } = await start(side, bench, { given: ready[0]!.handoff!, bare: true });
      const ran = worker.call('run', { iterations: MEMORY_STEPS });
      round.push([(await ran.finally(worker.close)).mebibytes]);
    }
    rounds.push(round);
  }
  return { rounds };
}
