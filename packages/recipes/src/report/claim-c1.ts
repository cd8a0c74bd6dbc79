import { attribution } from './attribution.js';
import { type Estimate, side } from './estimate.js';
import { estimateText, formatEstimate, listed } from './format.js';
import { limitedVariability } from './premise.js';
import type { ReportSummary } from './summarize.js';
import type { ReportInput } from './input.js';
import { decide, type Finding, type FindingNumber } from './verdict.js';

const SIGNS = [
  { key: 'confidence', word: 'confidence', expected: 'above' },
  { key: 'entropy', word: 'entropy', expected: 'below' },
  { key: 'selfBleu', word: 'self-BLEU', expected: 'above' },
] as const;

const ONE_SEED = 'One seed gives no interval, so nothing is decided.';

/** C1: where features vary little, RL raises confidence and outputs become less diverse. */
export function claimC1(input: ReportInput, { arms }: ReportSummary): Finding {
  const numbers = arms.flatMap(({ name, measures }) =>
    SIGNS.map(({ key, word, expected }): FindingNumber => ({
      group: name,
      name: `Change of ${word}`,
      estimate: measures[key]!.change,
      expected,
    })),
  );
  const premise = limitedVariability(input);
  return {
    claim: 'C1',
    statement:
      'Where features vary little, RL updates raise confidence systematically, and the diversity of outputs falls.',
    verdict: premise.holds ? decide(numbers) : 'undecided',
    text: [
      ...arms.map(({ name, measures }) => {
        const parts = SIGNS.map(({ key, word }) => `${word} ${moved(measures[key]!.change)}`);
        return `Under ${name}, ${listed(parts)}.`;
      }),
      ...(numbers.some(({ estimate }) => estimate.n === 1) ? [ONE_SEED] : []),
      premise.text,
      ...(premise.holds
        ? ['Their variability was not itself varied: this tests the effect, not its cause.']
        : []),
      ...attributionText(input),
    ].join(' '),
    numbers,
  };
}

/** How a change went, in words. */
function moved(change: Estimate): string {
  return {
    above: 'rose',
    below: 'fell',
    around: 'did not clearly change',
    unknown:
      change.mean === null
        ? 'was not measured'
        : `changed by ${formatEstimate(change, { signed: true })}`,
  }[side(change)];
}

function attributionText(input: ReportInput): string[] {
  const parts = input.arms.flatMap((arm) => {
    const [ofClassifier, ofBody] = attribution(arm).map(
      (value) => estimateText(value, { signed: true }).mean,
    );
    return attribution(arm)[0]!.n === 0
      ? []
      : [`${ofClassifier} through the classifier and ${ofBody} through the body under ${arm.name}`];
  });
  return parts.length === 0
    ? []
    : [
        `To first order, a probed update changed entropy, in nats per token, by ${parts.join(', and by ')}.`,
      ];
}
