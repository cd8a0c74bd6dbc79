import type { Row, Side } from '../rows.js';
import type { Json, Prepared } from '../worker/protocol.js';
import type { Greeted, Workers } from '../worker/workers.js';
import { type Difference, disagreement } from './compare.js';
import type { Plan } from './plan.js';
import { type Ratio, type Round, iterationsFor, median, ratioOf } from './statistics.js';

/** What a measurement works with. */
export interface Bench {
  readonly plan: Plan;
  readonly workers: Workers;
  /** A folder of its own for weights. */
  readonly folder: string;
  /** Called with the share of the row that is done, in [0, 1], and what is being done. */
  readonly progress: (share: number, doing: string) => void;
}

/** One side's numbers. */
export interface Measured {
  readonly label: string;
  readonly median: number;
  readonly samples: readonly number[];
  /** The first iteration, compilation included, ms; not among the samples. */
  readonly firstMs: number;
}

/** A row's numbers. */
export interface Outcome extends Ratio {
  readonly ours: Measured;
  readonly theirs: Measured;
  /** Rivals that were measured as well and were slower, or could not be. */
  readonly others: readonly (Measured | { readonly label: string; readonly reason: string })[];
  readonly differences: readonly Difference[];
}

/** Compares and measures the two sides of a row. */
export type Measure = (row: Row, bench: Bench) => Promise<Outcome>;

/** A side that is ready to be timed. */
interface Ready extends Prepared {
  readonly side: Side;
  readonly worker: Greeted;
  readonly differences: readonly Difference[];
}

const prepare = (
  worker: Greeted,
  { label: job, program, options }: Side,
  folder: string,
  given: Json = null,
  bare = false,
): Promise<Prepared> => worker.call('prepare', { job, program, options, given, folder, bare });

/** Prepares a rival and refuses it if it computes something else. */
async function rival(
  row: Row,
  bench: Bench,
  side: Side,
  own: Prepared,
  worker: Greeted,
): Promise<Ready> {
  const prepared = await prepare(worker, side, bench.folder, own.handoff);
  const differences = row.compare(own.check, prepared.check);
  const reason = disagreement(differences);
  if (reason !== undefined) {
    await worker.call('release', { job: side.label });
    throw new Error(reason);
  }
  return { ...prepared, side, worker, differences };
}

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
      await rival(row, bench, side, own, greeted).then(
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
    const rounds = await takeTurns(sides, row.per, plan, (share) =>
      progress(0.2 + 0.8 * share, 'measuring'),
    );
    return { ...outcomeOf(sides, rounds, failed) };
  } finally {
    for (const { side, worker: greeted } of [own, ...rivals]) {
      await greeted.call('release', { job: side.label }).catch(() => undefined);
    }
  }
};

/** `[rounds][sides][samples]`, one warm-up round left out. */
async function takeTurns(
  sides: readonly Ready[],
  per: number,
  plan: Plan,
  progress: (share: number) => void,
): Promise<number[][][]> {
  const turn = async ({ worker, side }: Ready, iterations: number): Promise<number[]> =>
    (await worker.call('run', { job: side.label, iterations })).samples;
  const counts: number[] = [];
  for (const side of sides) {
    const few = await turn(side, 2);
    const warm = await turn(side, iterationsFor(few, plan.roundMs));
    counts.push(iterationsFor(warm, plan.roundMs));
  }
  const rounds: number[][][] = [];
  while (rounds.length < plan.rounds) {
    const round: number[][] = [];
    // Who begins changes from round to round.
    const order = sides.map((_, i) => (rounds.length % 2 === 0 ? i : sides.length - 1 - i));
    for (const i of order) {
      round[i] = (await turn(sides[i]!, counts[i]!)).map((ms) => ms / per);
    }
    rounds.push(round);
    progress(rounds.length / plan.rounds);
  }
  return rounds;
}

/** The row's numbers, against the rival with the smallest median. */
function outcomeOf(
  sides: readonly (Pick<Prepared, 'firstMs'> & {
    side: Side;
    differences: readonly Difference[];
  })[],
  rounds: readonly (readonly (readonly number[])[])[],
  failed: Outcome['others'],
): Outcome {
  const measured = sides.map(({ side: { label }, firstMs }, i): Measured => {
    const samples = rounds.flatMap((round) => round[i]!);
    return { label, median: median(samples), samples, firstMs };
  });
  const [own, ...rivals] = measured;
  const fastest = rivals.reduce((best, each) => (each.median < best.median ? each : best));
  const at = measured.indexOf(fastest);
  const pairs = rounds.map((round): Round => ({ ours: round[0]!, theirs: round[at]! }));
  return {
    ...ratioOf(pairs),
    ours: own!,
    theirs: fastest,
    others: [...rivals.filter((each) => each !== fastest), ...failed],
    differences: sides[at]!.differences,
  };
}

/** The peak memory of a process that does nothing but the work: a fresh one each time. */
export const memory: Measure = async (row, bench) => {
  const { plan, workers, folder, progress } = bench;
  const [theirs] = row.theirs;
  progress(0, 'comparing');
  const [own, other] = [await workers.fresh(row.ours.worker), await workers.fresh(theirs!.worker)];
  try {
    const prepared = await prepare(own, row.ours, folder);
    const ready = await rival(row, bench, theirs!, prepared, other);
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
    return outcomeOf(sides, rounds, []);
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
