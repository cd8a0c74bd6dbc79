import { z } from 'zod';

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
  /** Share of the machine that other processes used meanwhile. */
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
  /** What else the machine did right before. */
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
