import { type Estimate, mapEstimate, side } from './estimate.js';
import { formatEstimate, formatNumber } from './format.js';
import { comparisonOf, type ReportSummary } from './summarize.js';
import { CFRL_ARM, STANDARD_ARM } from '../run/records.js';
import { decide, type Finding, type FindingNumber } from './verdict.js';

/** C3: CF-RL raises confidence, and reaches a given reward sooner than standard RL. */
export function claimC3(summary: ReportSummary): Finding {
  const statement =
    'CF-RL raises confidence more than standard RL and reaches a given reward sooner, for the same number of sampled tokens.';
  const differences = comparisonOf(summary, CFRL_ARM, STANDARD_ARM);
  if (!differences) {
    const text = `This needs arms called ${CFRL_ARM} and ${STANDARD_ARM} with seeds in common.`;
    return { claim: 'C3', statement, verdict: 'undecided', text, numbers: [] };
  }
  const estimateOf = (key: string): Estimate => differences[key]!.estimate;
  const group = `${CFRL_ARM} − ${STANDARD_ARM}`;
  const numbers: FindingNumber[] = [
    {
      group,
      name: 'Tokens to the threshold',
      estimate: estimateOf('tokensToThreshold'),
      expected: 'below',
    },
    {
      group,
      name: 'Confidence at equal tokens',
      estimate: estimateOf('confidence'),
      expected: 'above',
    },
    { group, name: 'Held-out reward at equal tokens', estimate: estimateOf('reward') },
    { group, name: 'Held-out reward, mean over training', estimate: estimateOf('meanReward') },
  ];
  const text = [
    speedText(summary, estimateOf('tokensToThreshold')),
    levelText('Confidence', estimateOf('confidence')),
    levelText('Held-out reward', estimateOf('reward')),
  ].join(' ');
  return { claim: 'C3', statement, verdict: decide(numbers), text, numbers };
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
