import { z } from 'zod';

import type { Difference } from './compare.js';
import type { Row, Side } from './rows.js';
import { median, ratioOf } from './statistics.js';

const positive = z.number().positive();

const side = z.strictObject({
  label: z.string(),
  median: positive,
  samples: z.array(positive).min(1),
  /** The first iteration, compilation included, ms; not among the samples. */
  firstMs: z.number().nonnegative(),
});

const row = z.strictObject({
  name: z.string(),
  model: z.string(),
  against: z.string(),
  unit: z.string(),
  /** The median of ours over the median of theirs. */
  ratio: positive,
  /** The same within each round. */
  rounds: z.strictObject({ min: positive, median: positive, max: positive }),
  goal: positive,
  met: z.boolean(),
  ours: side,
  theirs: side,
  /** Rivals that were slower, or could not be measured. */
  others: z.array(z.union([side, z.strictObject({ label: z.string(), reason: z.string() })])),
  /** Share of the machine that other processes used meanwhile, where time was measured and the system tells. */
  disturbance: z.number().min(0).max(1).optional(),
  /** What was compared before. */
  differences: z.array(
    z.strictObject({ quantity: z.string(), difference: z.number(), tolerance: z.number() }),
  ),
});

/** `bench/results.json`. */
export const resultsSchema = z.strictObject({
  date: z.iso.datetime(),
  command: z.string(),
  commit: z.strictObject({ id: z.string(), modified: z.boolean() }),
  machine: z.strictObject({
    processor: z.string(),
    cores: z.int().positive(),
    memoryGiB: z.number(),
    system: z.string(),
  }),
  /** Right before: the processors' busy share in a second, where the system tells, and the load average of a minute. */
  load: z.strictObject({
    busy: z.number().optional(),
    average: z.number(),
    cores: z.int().positive(),
  }),
  versions: z.record(z.string(), z.string()),
  /** Of each process. */
  threads: z.record(z.string(), z.int().positive()),
  settings: z.strictObject({
    quick: z.boolean(),
    forced: z.boolean(),
    rounds: z.int().positive(),
  }),
  rows: z.array(row),
  /** Rows without numbers, and why. */
  failed: z.array(
    z.strictObject({
      name: z.string(),
      model: z.string(),
      against: z.string(),
      reason: z.string(),
    }),
  ),
});

/** The results of one run. */
export type Results = z.infer<typeof resultsSchema>;

/** One row of them. */
export type ResultRow = Results['rows'][number];

/** Five digits of every number. */
const rounded = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (_, each: unknown) =>
    typeof each === 'number' ? Number(each.toPrecision(5)) : each,
  ) as T;

/**
 * A measured row, against the rival with the smallest median.
 *
 * @param sides - ours, then the rivals
 * @param rounds - `[rounds][sides][samples]`
 * @param failed - rivals without numbers
 */
export function resultRow(
  { name, model, against, unit, goal }: Row,
  sides: readonly { side: Side; firstMs: number; differences: readonly Difference[] }[],
  rounds: readonly (readonly (readonly number[])[])[],
  failed: ResultRow['others'],
): ResultRow {
  const perUnit = rounds.map((round) =>
    round.map((samples, i) => samples.map((sample) => sample / sides[i]!.side.per)),
  );
  const measured = sides.map(({ side: { label }, firstMs }, i) => {
    const samples = perUnit.flatMap((round) => round[i]!);
    return { label, median: median(samples), samples, firstMs };
  });
  const [ours, ...rivals] = measured;
  const theirs = rivals.reduce((best, each) => (each.median < best.median ? each : best));
  const at = measured.indexOf(theirs);
  const ratios = ratioOf(perUnit.map((round) => ({ ours: round[0]!, theirs: round[at]! })));
  const others = [...rivals.filter((each) => each !== theirs), ...failed];
  const differences = [...sides[at]!.differences];
  return {
    name,
    model,
    against,
    unit,
    goal,
    met: ratios.ratio <= goal,
    ...rounded({ ...ratios, ours: ours!, theirs, others, differences }),
  };
}
