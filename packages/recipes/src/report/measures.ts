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

const probe = (
  key: keyof ProbeRow & string,
  label: string,
  unit: string,
  definition: string,
  range?: readonly [number, number],
): Measure => ({ source: 'probes', key, label, unit, definition, ...(range && { range }) });

const step = (
  key: keyof StepRow & string,
  label: string,
  unit: string,
  definition: string,
): Measure => ({ source: 'steps', key, label, unit, definition });

const UNIT_RANGE = [0, 1] as const;

/** The measures of the headline table and of the charts that are always visible, in that order. */
export const HEADLINE: readonly Measure[] = [
  probe(
    'reward',
    'Held-out reward',
    '',
    'Mean reward of completions sampled for held-out prompts; for a task with a right answer, the share answered right.',
    UNIT_RANGE,
  ),
  probe(
    'confidence',
    'Confidence',
    'probability',
    'Mean, over the positions of the sampled tokens, of the largest next-token probability.',
    UNIT_RANGE,
  ),
  probe(
    'entropy',
    'Token entropy',
    'nats per token',
    'Mean entropy of the next-token distribution over the positions of the sampled tokens.',
    [0, Infinity],
  ),
  probe(
    'selfBleu',
    'Self-BLEU',
    '',
    'How alike the completions sampled for one prompt are: BLEU of each against the others, averaged over prompts. 1 means all alike; lower is more diverse.',
    UNIT_RANGE,
  ),
  probe(
    'featureCosine',
    'Feature cosine',
    '',
    'Mean cosine between the features φ of different contexts, at the positions of the sampled tokens. Near 1 means that features hardly vary.',
    [-1, 1],
  ),
  probe(
    'representationNorm',
    '‖R‖',
    'Frobenius norm',
    'Representation component of the empirical neural tangent kernel of the logits, R(c, c′) = ⟨φ(c), φ(c′)⟩ I: the part of an update that acts through the classifier W. Mean norm over pairs of different held-out contexts.',
    [0, Infinity],
  ),
  probe(
    'gradientNorm',
    '‖G‖',
    'Frobenius norm',
    'Gradient component of the same kernel, G(c, c′) = W A(c, c′) Wᵀ: the part of an update that acts through every other parameter. Mean norm over pairs of different held-out contexts.',
    [0, Infinity],
  ),
];

/** Mean reward of the completions that were learned from. */
const TRAINING_REWARD = step(
  'rewardMean',
  'Training reward',
  '',
  'Mean reward of the completions that an RL step learned from.',
);

/** The measures whose charts are always visible: the headline's, and training reward beside held-out. */
export const CHARTED: readonly Measure[] = [HEADLINE[0]!, TRAINING_REWARD, ...HEADLINE.slice(1)];

/** Further measures: charts in a folded section. */
export const FURTHER: readonly Measure[] = [
  probe(
    'greedyReward',
    'Held-out reward, greedy',
    '',
    'Held-out reward when the most probable token is taken each time.',
    UNIT_RANGE,
  ),
  probe(
    'distinct',
    'Distinct n-grams',
    '',
    'Share of the n-grams in the sampled completions that are distinct.',
    UNIT_RANGE,
  ),
  probe(
    'effectiveRank',
    'Effective rank',
    'dimensions',
    'Exponential of the entropy of the features’ normalised singular values: how many directions they really use.',
    [0, Infinity],
  ),
  probe(
    'classifierNorm',
    '‖W‖',
    'Frobenius norm',
    'Norm of the classifier W, the language-model head.',
    [0, Infinity],
  ),
  probe(
    'featureNorm',
    '‖φ‖',
    'Euclidean norm',
    'Mean norm of the features φ, the last hidden states after the final norm.',
    [0, Infinity],
  ),
  step(
    'gradNorm',
    'Gradient norm',
    '',
    'Global norm of the gradient of an RL step, before clipping.',
  ),
];

/** The first-order attribution of entropy changes, per probed update. */
export const ATTRIBUTION: readonly Measure[] = [
  probe(
    'entropyChangeClassifier',
    'Through the classifier',
    'nats per token',
    'Part of the predicted change that came from moving the classifier W, the features as they were.',
  ),
  probe(
    'entropyChangeBody',
    'Through the body',
    'nats per token',
    'Part of the predicted change that came from moving the features, by every other parameter, the classifier as it was.',
  ),
  probe(
    'predictedEntropyChange',
    'Predicted',
    'nats per token',
    'First-order change of entropy, −Cov(log π, δz), of a probed update as the optimiser took it.',
  ),
  probe(
    'measuredEntropyChange',
    'Measured',
    'nats per token',
    'Change of entropy that the same update really made.',
  ),
  probe(
    'attributionResidual',
    'Residual',
    'nats per token',
    'What the first-order prediction leaves unexplained.',
  ),
];

/** The headline measure with that key. */
export function headlineMeasure(key: keyof ProbeRow): Measure {
  const found = HEADLINE.find((measure) => measure.key === key);
  if (!found) throw new RangeError(`headlineMeasure: key is ${key}, expected one of the headline`);
  return found;
}
