import { estimate } from './estimate.js';
import { formatNumber } from './format.js';
import { headlineMeasure } from './measures.js';
import { before } from './summarize.js';
import type { ReportInput } from './input.js';

/** From this mean cosine up (an angle of 60 degrees or less) features count as varying little. */
export const LIMITED_VARIABILITY = 0.5;

/** Whether features vary little before RL, which C1 and C2 presume. */
export interface Premise {
  readonly holds: boolean;
  /** The premise and what was measured, in words. */
  readonly text: string;
}

/** Judges the premise by the mean feature cosine of all runs before RL. */
export function limitedVariability(input: ReportInput): Premise {
  const runs = input.arms.flatMap((arm) => arm.runs);
  const { mean } = estimate(runs.map((run) => before(run, headlineMeasure('featureCosine'))));
  if (mean === null) {
    const text = 'How much features vary was not measured, so the premise is unchecked.';
    return { holds: false, text };
  }
  const value = `The mean feature cosine before RL was ${formatNumber(mean)}`;
  return mean >= LIMITED_VARIABILITY
    ? { holds: true, text: `${value}: features varied little, as the claim presumes.` }
    : {
        holds: false,
        text: `${value}, below ${LIMITED_VARIABILITY}: the premise does not hold, and these runs do not test the claim.`,
      };
}
