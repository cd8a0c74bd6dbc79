import type { Row } from '../rows.js';
import type { Workers } from '../worker/workers.js';
import type { Difference } from './compare.js';
import type { Plan } from './plan.js';
import type { Ratio } from './statistics.js';

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
  /** Share of the machine that other processes used meanwhile, in [0, 1], where time was measured and the system tells. */
  readonly disturbance?: number;
}

/** Compares and measures the two sides of a row. */
export type Measure = (row: Row, bench: Bench) => Promise<Outcome>;
