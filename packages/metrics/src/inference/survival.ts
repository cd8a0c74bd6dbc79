import {
  checkBooleans,
  checkCount,
  checkFinite,
  checkLevel,
  checkSameLength,
  resolveOptions,
} from '../check.js';
import { normalQuantile } from '../numbers/normal.js';

/** One step of a {@link kaplanMeier} curve. */
export interface SurvivalStep {
  /** When it happens. */
  readonly time: number;
  /** Share that has not reached the event after this time. */
  readonly survival: number;
  /** Lower end of its interval (log-log); `null` where the curve is at 1 or 0. */
  readonly low: number | null;
  /** Upper end of its interval; `null` where the curve is at 1 or 0. */
  readonly high: number | null;
  /** How many were still watched. */
  readonly atRisk: number;
  /** How many reached it now. */
  readonly events: number;
}

/** What {@link stepsToThreshold} returns. */
export interface StepsToThreshold {
  /** The first step at which half of the runs are expected to be there; `null` if that was not reached. */
  readonly median: number | null;
  /** `[runs]`: the step at which each run got there, or its last one. */
  readonly steps: readonly number[];
  /** `[runs]`: whether it got there; `false` is a censored run. */
  readonly reached: readonly boolean[];
  /** Share of runs that are not there yet, over steps. */
  readonly curve: readonly SurvivalStep[];
}

/**
 * Kaplan-Meier curve: how many have not reached an event by a time, if some were not watched long enough.
 *
 *     S(t) = prod over event times t_i <= t of (1 - events_i / atRisk_i)
 *
 * with log-log intervals by Greenwood's variance. Unit: share. Range: [0, 1], falling. Misleads when runs were
 * stopped because they did badly: censoring must not depend on what would have come.
 *
 * @param times - `[n]`, finite: of the event, or the last time that it was looked for.
 * @param reached - `[n]`: whether the event was seen.
 * @returns One entry an event time, ascending.
 * @throws RangeError if the lengths differ or are 0, or a time is not finite; TypeError if an entry of `reached`
 *   is not a boolean.
 * @see Kaplan and Meier 1958, https://doi.org/10.1080/01621459.1958.10501452
 *
 * @example
 * ```ts
 * kaplanMeier([1, 2, 3], [true, false, true]).map(({ survival }) => survival); // => [0.666667, 0]
 * ```
 */
export function kaplanMeier(
  times: ArrayLike<number>,
  reached: readonly boolean[],
  options: { readonly level?: number } = {},
): SurvivalStep[] {
  const { level } = resolveOptions('kaplanMeier', options, { level: 0.95 });
  checkSameLength('kaplanMeier', ['times', times], ['reached', reached]);
  checkFinite('kaplanMeier', 'times', times, 1);
  checkBooleans('kaplanMeier', 'reached', reached);
  checkLevel('kaplanMeier', level);
  const z = normalQuantile((1 + level) / 2);
  const order = reached.map((_, i) => i).sort((a, b) => times[a]! - times[b]!);
  const curve: SurvivalStep[] = [];
  let survival = 1;
  let greenwood = 0;
  for (let from = 0; from < order.length;) {
    const time = times[order[from]!]!;
    const atRisk = order.length - from;
    let events = 0;
    for (; from < order.length && times[order[from]!] === time; from++) {
      if (reached[order[from]!]!) events++;
    }
    if (events === 0) continue;
    survival *= 1 - events / atRisk;
    greenwood += events / (atRisk * (atRisk - events));
    const spread = Math.exp((z * Math.sqrt(greenwood)) / Math.log(survival));
    const inside = survival > 0 && survival < 1;
    curve.push({
      time,
      survival,
      low: inside ? survival ** (1 / spread) : null,
      high: inside ? survival ** spread : null,
      atRisk,
      events,
    });
  }
  return curve;
}

/**
 * Steps to a threshold over several runs, some of which never get there.
 *
 *     median = the first step at which the Kaplan-Meier curve of the first crossings is at most 1/2
 *
 * Unit: steps. Range: within the steps. Runs that end below the threshold are censored, not left out: leaving
 * them out would flatter. Misleads when curves are noisy: the first crossing may be luck; smooth first.
 *
 * @param curves - `[runs]`: `[step, value]` pairs in order of steps.
 * @param threshold - What a value must reach.
 * @throws RangeError if there is no run, a run has no entry or steps that do not grow, or a number is not finite.
 * @see Kaplan and Meier 1958, https://doi.org/10.1080/01621459.1958.10501452
 *
 * @example
 * ```ts
 * const runs: [number, number][][] = [[[10, 0.2], [20, 0.9]], [[10, 0.8]], [[10, 0.1], [20, 0.3]]];
 * const { median, steps, reached } = stepsToThreshold(runs, 0.8);
 * [median, steps, reached]; // => [20, [20, 10, 20], [true, true, false]]
 * ```
 */
export function stepsToThreshold(
  curves: readonly (readonly (readonly [step: number, value: number])[])[],
  threshold: number,
): StepsToThreshold {
  const where = 'stepsToThreshold';
  checkCount(where, 'curves', curves.length, 1);
  checkFinite(where, 'threshold', [threshold]);
  const runs = curves.map((curve, i) => {
    checkCount(where, `curves[${i}]`, curve.length, 1);
    curve.forEach((point, t) => {
      if (!Array.isArray(point) || point.length !== 2) {
        throw new TypeError(
          `${where}: curves[${i}][${t}] is ${JSON.stringify(point)}, expected a pair [step, value]`,
        );
      }
      checkFinite(where, `curves[${i}][${t}]`, point);
      if (t > 0 && !(point[0] > curve[t - 1]![0])) {
        throw new RangeError(
          `${where}: curves[${i}][${t}] has step ${point[0]}, expected more than ${curve[t - 1]![0]}; sort by step`,
        );
      }
    });
    const crossing = curve.find(([, value]) => value >= threshold);
    return { step: (crossing ?? curve.at(-1)!)[0], reached: crossing !== undefined };
  });
  const steps = runs.map(({ step }) => step);
  const reached = runs.map((run) => run.reached);
  const curve = kaplanMeier(steps, reached);
  const median = curve.find(({ survival }) => survival <= 0.5 + 1e-12)?.time ?? null;
  return { median, steps, reached, curve };
}
