import { z } from 'zod';

import type { Difference } from './compare.js';
import type { Row, Side } from './rows.js';
import { median, ratioOf } from './statistics.js';

const [text, number, flag] = [z.string(), z.number(), z.boolean()];
const positive = number.positive();
const count = z.int().positive();

const side = z.strictObject({
  label: text,
  median: positive,
  samples: z.array(positive).min(1),
  /** The first iteration, compilation included, ms; not among the samples. */
  firstMs: number.nonnegative(),
});

const row = z.strictObject({
  name: text,
  model: text,
  against: text,
  unit: text,
  /** The median of ours over the median of theirs; the same within each round. */
  ratio: positive,
  rounds: z.strictObject({ min: positive, median: positive, max: positive }),
  goal: positive,
  met: flag,
  ours: side,
  theirs: side,
  /** Rivals that were slower, or could not be measured. */
  others: z.array(z.union([side, z.strictObject({ label: text, reason: text })])),
  /** Share of the machine that other processes used meanwhile, where time was measured. */
  disturbance: number.min(0).max(1).optional(),
  /** What was compared before. */
  differences: z.array(z.strictObject({ quantity: text, difference: number, tolerance: number })),
});

/** `bench/results.json`. */
export const resultsSchema = z.strictObject({
  date: z.iso.datetime(),
  command: text,
  commit: z.strictObject({ id: text, modified: flag }),
  machine: z.strictObject({ processor: text, cores: count, memoryGiB: number, system: text }),
  /** The processors' busy share in the second before. */
  load: z.strictObject({ busy: number, cores: count }),
  versions: z.record(text, text),
  threads: z.record(text, count),
  settings: z.strictObject({ quick: flag, forced: flag, rounds: count }),
  rows: z.array(row),
  /** Rows without numbers, and why. */
  failed: z.array(z.strictObject({ name: text, model: text, against: text, reason: text })),
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
  const numbers = rounded({ ...ratios, ours: ours!, theirs, others, differences });
  return { name, model, against, unit, goal, met: ratios.ratio <= goal, ...numbers };
}
