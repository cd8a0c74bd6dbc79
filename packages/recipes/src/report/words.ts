import type { CurvePoint } from './curve.js';
import {
  count,
  estimateText,
  formatEstimate,
  formatFixed,
  formatNumber,
  listed,
} from './format.js';
import { HEADLINE, type Measure } from './measures.js';
import { LIMITED_VARIABILITY } from './premise.js';
import type { Comparison, ReportSummary } from './summarize.js';
import type { ReportInput } from './input.js';

/** What was run, in two sentences. */
export function whatWasRun(input: ReportInput, { budget }: ReportSummary): string[] {
  const { arms, task } = input;
  const names = listed(arms.map((arm) => arm.name));
  const runs = arms.map((arm) => arm.runs.length);
  const perArm =
    new Set(runs).size === 1
      ? `${count(runs[0]!, 'seed')} each`
      : `${listed(runs.map(String))} seeds`;
  const seeds = arms.length === 1 ? count(runs[0]!, 'seed') : perArm;
  const probes = Math.max(...arms.flatMap((arm) => arm.runs.map((run) => run.probes.length)));
  const first = `Task “${task.name}”: ${task.description.replace(/\.$/, '')}.`;
  const opening = `${names} ${arms.length === 1 ? 'was' : 'were'} run with ${seeds}`;
  const second =
    budget === null
      ? `${opening}; there is no measurement after RL began.`
      : `${opening} and ${arms.length === 1 ? 'measured' : 'compared'} at ${formatFixed(budget, 0)} sampled tokens, the most that every run reached, on held-out prompts probed ${count(probes, 'time')}.`;
  return [first, second];
}

/** What a reader must know before trusting the numbers; empty if nothing is out of the ordinary. */
export function caveats(input: ReportInput, summary: ReportSummary): string[] {
  const single = input.arms.filter((arm) => arm.runs.length === 1).map((arm) => arm.name);
  const { budget, longest, comparisons } = summary;
  const unprobed = input.arms.filter((arm) =>
    arm.runs.some((run) => run.probes[0]?.sampledTokens !== 0),
  );
  const unpaired = comparisons.flatMap(({ arm, baseline, seeds }) =>
    input.arms
      .filter(({ name }) => name === arm || name === baseline)
      .flatMap(({ name, runs }) => {
        const alone = runs.map((run) => run.seed).filter((seed) => !seeds.includes(seed));
        return alone.length === 0 ? [] : [`${name}: seed ${listed(alone.map(String))}`];
      }),
  );
  const said = [
    single.length > 0 &&
      `${single.length === 1 ? 'One seed' : 'One seed each'} (${listed(single)}): no interval can be given, and nothing here can be told apart from chance.`,
    budget !== null &&
      longest !== null &&
      budget < 0.8 * longest &&
      `Runs differ in length: the longest reached ${formatFixed(longest, 0)} sampled tokens, the shortest ${formatFixed(budget, 0)}, and the comparison ends there.`,
    unprobed.length > 0 &&
      `Some runs of ${listed(unprobed.map((arm) => arm.name))} have no probe before RL; they are missing from “before” and from changes.`,
    unpaired.length > 0 &&
      `Left out of paired differences, for want of a twin: ${unpaired.join('; ')}.`,
  ];
  return said.filter((text) => text !== false);
}

/** How the numbers were made, one paragraph each. */
export function method({ budget, threshold, comparisons }: ReportSummary): string[] {
  const baseline = comparisons[0]?.baseline;
  return [
    'A mean is over seeds, and the interval in brackets is the 95 % Student-t interval over seeds. It covers what changes from seed to seed, not the choice of task, prompts or settings. With few seeds it is wide and may reach past what is possible (a negative norm, say). Intervals are not corrected for there being several of them.',
    `A verdict needs whole intervals on the expected side of zero. One interval wholly on the other side makes a claim “not supported”; anything else is “undecided”. “Features vary little” means a mean feature cosine before RL of ${LIMITED_VARIABILITY} or more. The paper’s claim C4, that CF-RL works differently from linear probing then fine-tuning, is not tested here: it takes supervised runs.`,
    budget === null
      ? '“After” was not measured.'
      : `“After” is read at ${formatFixed(budget, 0)} sampled tokens by linear interpolation between probes; “before” is the probe at 0 tokens. Sampled tokens count what the policy sampled for training, the cost that arms share.`,
    threshold === null
      ? 'Held-out reward did not rise over all runs (or was not measured), so there is no threshold reward.'
      : `The threshold reward is ${formatNumber(threshold)}, halfway between the mean held-out reward of all runs before RL and at the budget. Tokens to the threshold are where a run’s straight-line curve first is there; a run that does not get there counts with the budget, and a pair in which neither does is left out.`,
    ...(baseline === undefined
      ? []
      : [
          `Paired differences are an arm minus ${baseline} on the same seed, then averaged: what a seed does to both arms cancels.`,
        ]),
    'Mean curves are drawn over seeds, each read by linear interpolation at 61 equally spaced positions of the range that all seeds of the arm cover; curves with more than 60 points are first averaged over equal runs of consecutive points. The numbers said of a curve are those recorded at its ends. Bands are the 95 % intervals, cut where values are impossible.',
  ];
}

/** What the attribution of entropy changes says, and what it does not. */
export const ATTRIBUTION_WORDS =
  'Entropy change of a probed update, nats per token, split to first order into what came through the classifier W and through the body, which is every other parameter. The update is the optimiser’s, with its momentum and clipping; only for plain gradient ascent would these be the shares of the kernel’s components R and G. Mean over the probed updates of a run, then over seeds.';

/** One sentence on how a mean curve went, by its ends. */
export function curveWords(name: string, curve: readonly CurvePoint[]): string {
  const [first, last] = [curve[0], curve.at(-1)];
  if (!first || !last) return `${name}: not measured.`;
  const end = `${formatEstimate(last)} at ${formatFixed(last.tokens, 0)} sampled tokens`;
  return first === last
    ? `${name}: ${end}.`
    : `${name}: from ${estimateText(first).mean} to ${end}.`;
}

/** `Token entropy (nats per token)`. */
export function labelOf({ label, unit }: Measure): string {
  return unit === '' ? label : `${label} (${unit})`;
}

/** Name and unit of a paired difference. */
export function differenceLabel(key: string, { threshold }: ReportSummary): string {
  if (key === 'meanReward') return 'Held-out reward, mean over training';
  if (key === 'tokensToThreshold') return `Sampled tokens to reward ${formatNumber(threshold)}`;
  return labelOf(HEADLINE.find((measure) => measure.key === key)!);
}

/** `CF-RL − standard RL`. */
export function versus({ arm, baseline }: Comparison): string {
  return `${arm} − ${baseline}`;
}

/** `≥` when some runs did not reach the threshold, so that their share is only a bound. */
export function boundSign({
  reached,
  seeds,
  tokensToThreshold,
}: ReportSummary['arms'][number]): string {
  return tokensToThreshold.mean !== null && reached < seeds.length ? '≥ ' : '';
}
