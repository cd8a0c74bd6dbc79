import { CFRL_MINUS_STANDARD, comparedClaim } from './claim-compared.js';
import { type Estimate, mapEstimate, side } from './estimate.js';
import { formatEstimate, formatNumber } from './format.js';
import type { ReportSummary } from './summarize.js';
import { CFRL_ARM, STANDARD_ARM } from '../run/row-types.js';
import { decide, type Finding, type FindingNumber } from './verdict.js';

/** Keys of the differences, their names, and the side of zero that the claim expects. */
const NUMBERS: readonly (readonly [string, string, FindingNumber['expected']?])[] = [
  ['tokensToThreshold', 'Tokens to the threshold', 'below'],
  ['confidence', 'Confidence at equal tokens', 'above'],
  ['reward', 'Held-out reward at equal tokens'],
  ['meanReward', 'Held-out reward, mean over training'],
];

/** C3: CF-RL raises confidence, and reaches a given reward sooner than standard RL. */
export function claimC3(summary: ReportSummary): Finding {
  const statement =
    'CF-RL raises confidence more than standard RL and reaches a given reward sooner, for the same number of sampled tokens.';
  return comparedClaim('C3', statement, summary, (difference) => {
    const numbers = NUMBERS.map(([key, name, expected]): FindingNumber => ({
      group: CFRL_MINUS_STANDARD,
      name,
      estimate: difference(key),
      ...(expected && { expected }),
    }));
    const text = [
      speedText(summary, difference('tokensToThreshold')),
      levelText('Confidence', difference('confidence')),
      levelText('Held-out reward', difference('reward')),
    ].join(' ');
    return { verdict: decide(numbers), text, numbers };
  });
}

function speedText({ threshold, arms }: ReportSummary, difference: Estimate): string {
  if (threshold === null) {
    return 'Held-out reward did not rise over the runs (or was not measured), so there is no threshold to reach.';
  }
  const perArm = [CFRL_ARM, STANDARD_ARM].map((name) => {
    const { tokensToThreshold, reached, seeds } = arms.find((arm) => arm.name === name)!;
    const all =
      reached === seeds.length
        ? ''
        : ` (${reached} of ${seeds.length} runs reached it; the others count with the budget)`;
    return `${name} ${tokensToThreshold.mean === null ? 'was not measured' : `took ${formatEstimate(tokensToThreshold)} sampled tokens${all}`}`;
  });
  const opening = `To a held-out reward of ${formatNumber(threshold)}, ${perArm.join(' and ')}.`;
  const more = formatEstimate(difference);
  const fewer = formatEstimate(negative(difference));
  const verdict = {
    above: `On the same seed CF-RL needed ${more} more.`,
    below: `On the same seed CF-RL needed ${fewer} fewer.`,
    around: `The paired difference, ${formatEstimate(difference, { signed: true })}, is not clearly on one side of zero.`,
    unknown:
      difference.mean === null
        ? 'No seed gives a difference.'
        : `The difference on the one seed is ${formatEstimate(difference, { signed: true })}; one seed gives no interval.`,
  }[side(difference)];
  return `${opening} ${verdict}`;
}

function levelText(name: string, difference: Estimate): string {
  if (difference.mean === null) return `${name} was not compared.`;
  const numbers = formatEstimate(difference, { signed: true });
  return {
    above: `${name} was higher at equal tokens (${numbers}).`,
    below: `${name} was lower at equal tokens (${numbers}).`,
    around: `${name} was not clearly different at equal tokens (${numbers}).`,
    unknown: `${name} differed by ${numbers} at equal tokens, on one seed.`,
  }[side(difference)];
}

function negative(value: Estimate): Estimate {
  const { mean, low, high, n } = mapEstimate(value, (x) => -x);
  return { mean, low: high, high: low, n };
}
