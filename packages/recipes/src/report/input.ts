import type { RunData } from '../run/row-types.js';

/** Everything a report is made from: a title, what was run, and the records of every run. */
export interface ReportInput {
  /** Heading of the report. */
  readonly title: string;
  /** The task that was trained on. */
  readonly task: { readonly name: string; readonly description: string };
  /** When the runs were made, as text. Absent if not recorded; nothing reads the clock. */
  readonly createdAt?: string;
  /** Name -> version: node, tensorflow, cfrl, commit. */
  readonly versions: Readonly<Record<string, string>>;
  /** The TensorFlow.js backend that the runs used. */
  readonly backend: string;
  /** The recipes that are compared. Arms named `CF-RL` and `standard RL` are what C2 and C3 need. */
  readonly arms: readonly ArmData[];
  /** The shell command that makes the same runs again. */
  readonly command: string;
}

/** One recipe with its runs. */
export interface ArmData {
  /** Unique among the arms, e.g. `CF-RL`. */
  readonly name: string;
  /** One sentence, plain text. */
  readonly description: string;
  /** One run a seed. Runs of different arms with the same seed are compared as a pair. */
  readonly runs: readonly RunData[];
}
