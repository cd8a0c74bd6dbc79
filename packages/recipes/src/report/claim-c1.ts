import { points } from './curve.js';
import { type Estimate, estimate, side } from './estimate.js';
import { decide, type Finding, type FindingNumber } from './findings.js';
import { count, formatEstimate, formatNumber, listed } from './format.js';
import { ATTRIBUTION, headlineMeasure } from './measures.js';
import { before, type ReportSummary } from './summarize.js';
import type { ArmData, ReportInput } from './types.js';

/** Above this mean cosine (an angle of 60 degrees) features count as varying little. */
export const LIMITED_VARIABILITY = 0.5;

const EXPECTED = { confidence: 'above', entropy: 'below', selfBleu: 'above' } as const;
const KEYS = ['confidence', 'entropy', 'selfBleu'] as const;
const WORDS = { confidence: 'confidence', entropy: 'entropy', selfBleu: 'self-BLEU' } as const;

/** C1: where features vary little, RL raises confidence and outputs become less diverse. */
export function claimC1(input: ReportInput, { arms }: ReportSummary): Finding {
  const numbers = arms.flatMap(({ name, measures }) =>
    KEYS.map((key): FindingNumber => ({
      name: `Change of ${WORDS[key]}`,
      arm: name,
      estimate: measures[key]!.change,
      expected: EXPECTED[key],
    })),
  );
  const runs = input.arms.flatMap((arm) => arm.runs);
  const cosine = estimate(runs.map((run) => before(run, headlineMeasure('featureCosine')))).mean;
  const premise = cosine !== null && cosine >= LIMITED_VARIABILITY;
  return {
    claim: 'C1',
    statement:
      'Where features vary little, RL updates raise confidence systematically, and the diversity of outputs falls.',
    verdict: premise ? decide(numbers) : 'undecided',
    text: [
      ...arms.map(({ name, measures }) => {
        const parts = KEYS.map((key) => `${WORDS[key]} ${moved(measures[key]!.change)}`);
        return `Under ${name}, ${listed(parts)}.`;
      }),
      premiseText(cosine),
      ...input.arms.flatMap(attributionText),
    ].join(' '),
    numbers,
  };
}

/** How a change went, in words. */
function moved(change: Estimate): string {
  if (change.mean === null) return 'was not measured';
  const numbers = formatEstimate(change, { signed: true });
  if (change.low === null) return `changed by ${numbers} (${count(change.n, 'seed')}, so no interval)`;
  const verbs = { above: 'rose', below: 'fell', around: 'did not clearly change', unknown: 'changed' };
  return `${verbs[side(change)]} (${numbers})`;
}

function premiseText(cosine: number | null): string {
  if (cosine === null) return 'How much features vary was not measured, so the premise is unchecked.';
  const value = `The mean feature cosine before RL was ${formatNumber(cosine)}`;
  return cosine >= LIMITED_VARIABILITY
    ? `${value}: features varied little, as the claim presumes. Their variability was not itself varied here, so this tests the effect and not its cause.`
    : `${value}, below ${LIMITED_VARIABILITY}: features varied, so the premise does not hold and these runs do not test the claim.`;
}

/** Mean over the probed updates of a run, then over seeds. */
export function attribution(arm: ArmData): Estimate[] {
  return ATTRIBUTION.map((measure) =>
    estimate(
      arm.runs.map((run) => {
        const values = points(run, measure).map(({ value }) => value);
        return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
      }),
    ),
  );
}

function attributionText(arm: ArmData): string[] {
  const [r, g] = attribution(arm);
  if (!r || !g || r.mean === null || g.mean === null) return [];
  const format = (value: Estimate): string => formatEstimate(value, { signed: true });
  return [
    `To first order, a probed update of ${arm.name} changed entropy by ${format(r)} nats per token through R and by ${format(g)} through G.`,
  ];
}
