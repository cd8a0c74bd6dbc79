import { checkReportInput } from './check-input.js';
import { firstReach, meanHeight, points, valueAt } from './curve.js';
import { type Estimate, estimate } from './estimate.js';
import { HEADLINE, headlineMeasure, type Measure } from './measures.js';
import { type RunData, STANDARD_ARM } from '../run/row-types.js';
import type { ArmData, ReportInput } from './input.js';

/** A measure before RL, at the budget, and how much it changed. */
export interface BeforeAfter {
  readonly before: Estimate;
  readonly after: Estimate;
  /** After minus before, seed by seed. */
  readonly change: Estimate;
}

/** What became of an arm. */
export interface ArmSummary {
  readonly name: string;
  readonly seeds: readonly number[];
  /** By the measure's key: `reward`, `confidence`, ... */
  readonly measures: Readonly<Record<string, BeforeAfter>>;
  /** Sampled tokens until the threshold; runs that did not reach it count with the budget. */
  readonly tokensToThreshold: Estimate;
  /** Runs that reached the threshold within the budget. */
  readonly reached: number;
}

/** A quantity of one arm minus that of the baseline, seed by seed. */
export interface PairedDifference {
  /** `reward`, `confidence`, ... , `tokensToThreshold` or `meanReward`. */
  readonly key: string;
  /** One entry a paired seed; `null` where one of the two was not measured. */
  readonly values: readonly (number | null)[];
  readonly estimate: Estimate;
}

/** All paired differences of an arm and the baseline. */
export interface Comparison {
  readonly arm: string;
  readonly baseline: string;
  /** Seeds that both arms have. */
  readonly seeds: readonly number[];
  readonly differences: readonly PairedDifference[];
}

/** The numbers of a report. */
export interface ReportSummary {
  /** Sampled tokens at which arms are compared: the most that every run reached. `null` without probes after RL began. */
  readonly budget: number | null;
  /** Sampled tokens at the last probe of the longest run. */
  readonly longest: number | null;
  /** Held-out reward halfway between the mean before RL and the mean of all runs at the budget; `null` if that is no gain. */
  readonly threshold: number | null;
  readonly arms: readonly ArmSummary[];
  readonly comparisons: readonly Comparison[];
}

/**
 * The numbers that a report shows: per arm the mean over seeds with its 95 % Student-t interval,
 * and between arms the paired difference over the seeds that both have.
 *
 * "After" is read at the budget, the most sampled tokens that every run reached, so that arms are
 * compared at equal cost. The baseline is the arm called `standard RL`, else the last one.
 *
 * @param input - Records of all runs; see {@link ReportInput}.
 * @returns Plain numbers. What was not measured is `null`; with one seed the interval is `null`.
 * @throws RangeError or TypeError if the input is malformed, with the path of what is wrong.
 * @see Student, "The probable error of a mean", Biometrika 6 (1908), for the interval.
 *
 * @example
 * ```ts
 * const run = { seed: 1, config: {}, steps: [], probes: [], samplesBefore: [], samplesAfter: [], seconds: 0 };
 * const input = {
 *   title: 'Additions', task: { name: 'add', description: 'One-digit sums.' }, versions: {},
 *   backend: 'cpu', command: 'cfrl paper', arms: [{ name: 'CF-RL', description: '', runs: [run] }],
 * };
 * summarize(input).arms[0].measures.reward.after; // => { mean: null, low: null, high: null, n: 0 }
 * ```
 */
export function summarize(input: ReportInput): ReportSummary {
  checkReportInput('summarize', input);
  const ends = input.arms
    .flatMap((arm) => arm.runs)
    .flatMap((run) => run.probes.at(-1)?.sampledTokens ?? []);
  const shortest = Math.min(...ends);
  const budget = ends.length > 0 && shortest > 0 ? shortest : null;
  const at = { budget, threshold: halfwayReward(input, budget) };
  const baseline = input.arms.find((arm) => arm.name === STANDARD_ARM) ?? input.arms.at(-1)!;
  return {
    budget,
    longest: ends.length > 0 ? Math.max(...ends) : null,
    threshold: at.threshold,
    arms: input.arms.map((arm) => summarizeArm(arm, at)),
    comparisons: input.arms
      .filter((arm) => arm !== baseline)
      .map((arm) => compare(arm, baseline, at)),
  };
}

/** Where runs are compared. */
type Marks = Pick<ReportSummary, 'budget' | 'threshold'>;

/** The value at a probe before any RL. */
export const before = (run: RunData, measure: Measure): number | null =>
  valueAt(points(run, measure), 0);

const after = (run: RunData, measure: Measure, budget: number | null): number | null =>
  budget === null ? null : valueAt(points(run, measure), budget);

/** `a - b`, or `null` if one of them is. */
export const minus = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a - b;

function halfwayReward(input: ReportInput, budget: number | null): number | null {
  const runs = input.arms.flatMap((arm) => arm.runs);
  const reward = headlineMeasure('reward');
  const start = estimate(runs.map((run) => before(run, reward))).mean;
  const end = estimate(runs.map((run) => after(run, reward, budget))).mean;
  return start === null || end === null || end <= start ? null : (start + end) / 2;
}

/**
 * Tokens to the threshold, `null` if that cannot be known. A run that did not get there counts with the budget, a bound in favour of
 * neither arm.
 */
function tokensToReach(run: RunData, { budget, threshold }: Marks) {
  const curve = points(run, headlineMeasure('reward'));
  if (budget === null || threshold === null || curve.length === 0) {
    return { tokens: null, reached: false };
  }
  const tokens = firstReach(curve, threshold, budget);
  return { tokens: tokens ?? budget, reached: tokens !== null };
}

function summarizeArm({ name, runs }: ArmData, at: Marks): ArmSummary {
  const measures = HEADLINE.map((measure): [string, BeforeAfter] => {
    const starts = runs.map((run) => before(run, measure));
    const ends = runs.map((run) => after(run, measure, at.budget));
    const change = estimate(ends.map((end, i) => minus(end, starts[i]!)));
    return [measure.key, { before: estimate(starts), after: estimate(ends), change }];
  });
  const reaches = runs.map((run) => tokensToReach(run, at));
  return {
    name,
    seeds: runs.map((run) => run.seed),
    measures: Object.fromEntries(measures),
    tokensToThreshold: estimate(reaches.map(({ tokens }) => tokens)),
    reached: reaches.filter(({ reached }) => reached).length,
  };
}

function compare(arm: ArmData, baseline: ArmData, at: Marks): Comparison {
  const { budget } = at;
  const pairs = pairRuns(arm, baseline);
  const difference = (
    key: string,
    f: (run: RunData) => number | null,
    counts: (run: RunData) => boolean = () => true,
  ): PairedDifference => {
    const values = pairs.map(([one, other]) =>
      counts(one) || counts(other) ? minus(f(one), f(other)) : null,
    );
    return { key, values, estimate: estimate(values) };
  };
  const reward = headlineMeasure('reward');
  return {
    arm: arm.name,
    baseline: baseline.name,
    seeds: pairs.map(([run]) => run.seed),
    differences: [
      ...HEADLINE.map((measure) => difference(measure.key, (run) => after(run, measure, budget))),
      difference('meanReward', (run) =>
        budget === null ? null : meanHeight(points(run, reward), budget),
      ),
      difference(
        'tokensToThreshold',
        (run) => tokensToReach(run, at).tokens,
        (run) => tokensToReach(run, at).reached, // a pair in which neither gets there is left out
      ),
    ],
  };
}

/** The runs of two arms that have the same seed, in the order of the first arm. */
export function pairRuns(arm: ArmData, other: ArmData): [RunData, RunData][] {
  return arm.runs.flatMap((run) => {
    const twin = other.runs.find(({ seed }) => seed === run.seed);
    return twin ? [[run, twin] as [RunData, RunData]] : [];
  });
}

/** The paired differences of that key, one a comparison. */
export const differencesOf = ({ comparisons }: ReportSummary, key: string): Estimate[] =>
  comparisons.map(({ differences }) => differences.find((item) => item.key === key)!.estimate);
