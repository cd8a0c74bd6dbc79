import type { ProbeRow, StepRow } from '../run/row-types.js';

/** A column of the records that the report shows. */
export interface Measure {
  /** Where the column lives. */
  readonly source: 'probes' | 'steps';
  readonly key: string;
  /** Name in tables and charts. */
  readonly label: string;
  /** Unit in words; empty for a plain ratio. */
  readonly unit: string;
  /** What the number is, one sentence. */
  readonly definition: string;
  /** Values that are possible; interval bands are not drawn outside. */
  readonly range?: readonly [number, number];
}

/** What each number is, by its column. */
const DEFINITIONS = {
  reward:
    'Mean reward of completions sampled for held-out prompts; for a task with a right answer, the share answered right.',
  confidence:
    'Mean, over the positions of the sampled tokens, of the largest next-token probability.',
  entropy: 'Mean entropy of the next-token distribution over the positions of the sampled tokens.',
  selfBleu:
    'How alike the completions sampled for one prompt are: BLEU of each against the others, averaged over prompts. 1 means all alike; lower is more diverse.',
  featureCosine:
    'Mean cosine between the features φ of different contexts, at the positions of the sampled tokens. Near 1 means that features hardly vary.',
  representationNorm:
    'Representation component of the empirical neural tangent kernel of the logits, R(c, c′) = ⟨φ(c), φ(c′)⟩ I: the part of an update that acts through the classifier W. Mean norm over pairs of different held-out contexts.',
  gradientNorm:
    'Gradient component of the same kernel, G(c, c′) = W A(c, c′) Wᵀ: the part of an update that acts through every other parameter. Mean norm over pairs of different held-out contexts.',
  rewardMean: 'Mean reward of the completions that an RL step learned from.',
  greedyReward: 'Held-out reward when the most probable token is taken each time.',
  distinct: 'Share of the n-grams in the sampled completions that are distinct.',
  effectiveRank:
    'Exponential of the entropy of the features’ normalised singular values: how many directions they really use.',
  classifierNorm: 'Norm of the classifier W, the language-model head.',
  featureNorm: 'Mean norm of the features φ, the last hidden states after the final norm.',
  gradNorm: 'Global norm of the gradient of an RL step, before clipping.',
  entropyChangeClassifier:
    'Part of the predicted change that came from moving the classifier W, the features as they were.',
  entropyChangeBody:
    'Part of the predicted change that came from moving the features, by every other parameter, the classifier as it was.',
  predictedEntropyChange:
    'First-order change of entropy, −Cov(log π, δz), of a probed update as the optimiser took it.',
  measuredEntropyChange: 'Change of entropy that the same update really made.',
  attributionResidual: 'What the first-order prediction leaves unexplained.',
} as const;

type Key = keyof typeof DEFINITIONS;

const measure = (source: Measure['source'], key: Key, label: string, unit: string): Measure => ({
  source,
  key,
  label,
  unit,
  definition: DEFINITIONS[key],
});

const probe = (
  key: Key & keyof ProbeRow,
  label: string,
  unit: string,
  range?: Measure['range'],
): Measure => ({ ...measure('probes', key, label, unit), ...(range && { range }) });

const step = (key: Key & keyof StepRow, label: string, unit: string): Measure =>
  measure('steps', key, label, unit);

const UNIT_RANGE = [0, 1] as const;
const NOT_NEGATIVE = [0, Infinity] as const;

/** The measures of the headline table and of the charts that are always visible, in that order. */
export const HEADLINE: readonly Measure[] = [
  probe('reward', 'Held-out reward', '', UNIT_RANGE),
  probe('confidence', 'Confidence', 'probability', UNIT_RANGE),
  probe('entropy', 'Token entropy', 'nats per token', NOT_NEGATIVE),
  probe('selfBleu', 'Self-BLEU', '', UNIT_RANGE),
  probe('featureCosine', 'Feature cosine', '', [-1, 1]),
  probe('representationNorm', '‖R‖', 'Frobenius norm', NOT_NEGATIVE),
  probe('gradientNorm', '‖G‖', 'Frobenius norm', NOT_NEGATIVE),
];

/** Mean reward of the completions that were learned from. */
const TRAINING_REWARD = step('rewardMean', 'Training reward', '');

/** The measures whose charts are always visible: the headline's, and training reward beside held-out. */
export const CHARTED: readonly Measure[] = [HEADLINE[0]!, TRAINING_REWARD, ...HEADLINE.slice(1)];

/** Further measures: charts in a folded section. */
export const FURTHER: readonly Measure[] = [
  probe('greedyReward', 'Held-out reward, greedy', '', UNIT_RANGE),
  probe('distinct', 'Distinct n-grams', '', UNIT_RANGE),
  probe('effectiveRank', 'Effective rank', 'dimensions', NOT_NEGATIVE),
  probe('classifierNorm', '‖W‖', 'Frobenius norm', NOT_NEGATIVE),
  probe('featureNorm', '‖φ‖', 'Euclidean norm', NOT_NEGATIVE),
  step('gradNorm', 'Gradient norm', ''),
];

/** The first-order attribution of entropy changes, per probed update. */
export const ATTRIBUTION: readonly Measure[] = [
  probe('entropyChangeClassifier', 'Through the classifier', 'nats per token'),
  probe('entropyChangeBody', 'Through the body', 'nats per token'),
  probe('predictedEntropyChange', 'Predicted', 'nats per token'),
  probe('measuredEntropyChange', 'Measured', 'nats per token'),
  probe('attributionResidual', 'Residual', 'nats per token'),
];

/** The headline measure with that key. */
export function headlineMeasure(key: keyof ProbeRow): Measure {
  const found = HEADLINE.find((measure) => measure.key === key);
  if (!found) throw new RangeError(`headlineMeasure: key is ${key}, expected one of the headline`);
  return found;
}
