import { attribution } from './attribution.js';
import type { Estimate } from './estimate.js';
import { DASH, decimalsOf, formatEstimate, formatSigned } from './format.js';
import type { ArmData, ReportInput } from './input.js';
import { ATTRIBUTION, HEADLINE } from './measures.js';
import { samplePairs } from './samples.js';
import { type ReportSummary, differencesOf } from './summarize.js';
import { boundSign, differenceLabel, labelOf, versus } from './words.js';

/** A number with its interval. */
export interface Cell {
  readonly estimate: Estimate;
  /** What stands before the number. */
  readonly prefix?: string;
  /** Numbers above zero get a plus sign. */
  readonly signed?: boolean;
  /** Stands out where its interval excludes zero. */
  readonly difference?: boolean;
}

/** A row of a table. */
export interface Row {
  /** What the row is about. */
  readonly name: string;
  /** The name and its unit apart, where it has one. */
  readonly parts?: readonly [name: string, unit: string];
  readonly cells: readonly (Cell | string)[];
}

/** A table, for a page and as text alike. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly Row[];
}

/** A cell as one text. */
export const cellText = (cell: Cell | string): string =>
  typeof cell === 'string' ? cell : (cell.prefix ?? '') + formatEstimate(cell.estimate, cell);

const difference = (estimate: Estimate): Cell => ({ estimate, signed: true, difference: true });

/** Before and after of every arm, then the paired differences: a row a headline measure, and the tokens to the threshold last. */
export function headlineRows(summary: ReportSummary): Row[] {
  const { arms } = summary;
  const differences = (key: string): Cell[] => differencesOf(summary, key).map(difference);
  const threshold = differenceLabel('tokensToThreshold', summary);
  const rows = HEADLINE.map((measure): Row => {
    const { key, label, unit } = measure;
    const ofArms = arms.flatMap(({ measures }) => [
      { estimate: measures[key]!.before },
      { estimate: measures[key]!.after },
    ]);
    const name = labelOf(measure);
    return { name, parts: [label, unit], cells: [...ofArms, ...differences(key)] };
  });
  const reached = arms.flatMap((arm) => [
    DASH,
    { estimate: arm.tokensToThreshold, prefix: boundSign(arm) },
  ]);
  const cells = [...reached, ...differences('tokensToThreshold')];
  return [...rows, { name: threshold, parts: [threshold, 'tokens'], cells }];
}

/** Paired differences seed by seed, a table for each arm that has seeds in common with the baseline. */
export function pairedTables(summary: ReportSummary): Table[] {
  const paired = summary.comparisons.filter(({ seeds }) => seeds.length > 0);
  return paired.map((comparison) => ({
    head: [versus(comparison), ...comparison.seeds.map((seed) => `seed ${seed}`), 'mean'],
    rows: comparison.differences.map(({ key, values, estimate }) => {
      const decimals = decimalsOf(...values);
      const seeds = values.map((value) => formatSigned(value, decimals));
      return { name: differenceLabel(key, summary), cells: [...seeds, difference(estimate)] };
    }),
  }));
}

/** Where the entropy went, a row an arm; nothing if it was not measured. */
export function attributionTable({ arms }: ReportInput): Table | undefined {
  const rows = arms.map((arm) => ({
    name: arm.name,
    cells: attribution(arm).map((estimate) => ({ estimate, signed: true })),
  }));
  if (rows.every(({ cells }) => cells.every(({ estimate }) => estimate.n === 0))) return undefined;
  return { head: ['Arm', ...ATTRIBUTION.map(({ label }) => label)], rows };
}

/** The columns of {@link armsWithSamples}' tables. */
export const SAMPLE_COLUMNS = ['Prompt', 'Answer', 'Before RL', 'After'];

/** The arms that have samples, with these. */
export const armsWithSamples = ({ arms }: ReportInput) =>
  arms
    .map((arm: ArmData) => ({ name: `seed ${arm.runs[0]!.seed}`, arm, pairs: samplePairs(arm) }))
    .filter(({ pairs }) => pairs.length > 0);
