import { fold, normal, rng } from '@cfrl/engine';

import type { ArmData, ProbeRow, ReportInput, RunData, StepRow } from '@cfrl/recipes';

/** How an arm of made-up records behaves. */
export interface Behaviour {
  readonly name?: string;
  /** Sampled tokens after which 63 % of the gain is made. */
  readonly pace?: number;
  /** Gain of held-out reward in the long run. */
  readonly gain?: number;
  /** Gain of confidence in the long run; entropy and self-BLEU follow. */
  readonly sharpening?: number;
  /** Standard deviation of the measurements, relative to their size. */
  readonly noise?: number;
  readonly featureCosine?: number;
  readonly seeds?: readonly number[];
  /** Sampled tokens a step. */
  readonly tokensPerStep?: number;
  readonly steps?: number;
  /** Step at which stage 1 ends. */
  readonly boundaryStep?: number;
}

/** Records of one arm, made from smooth curves and seeded noise. */
export function syntheticArm(behaviour: Behaviour): ArmData {
  const { name = 'CF-RL', seeds = [1, 2, 3, 4, 5] } = behaviour;
  return {
    name,
    description:
      name === 'CF-RL'
        ? 'Stage 1 trains the classifier alone, stage 2 everything.'
        : 'RL on all parameters from the first step.',
    runs: seeds.map((seed) => syntheticRun(seed, { ...behaviour, name })),
  };
}

function syntheticRun(seed: number, behaviour: Behaviour): RunData {
  const {
    name = '',
    pace = 30_000,
    gain = 0.6,
    sharpening = 0.3,
    noise = 0.03,
    featureCosine = 0.91,
    tokensPerStep = 500,
    steps = 200,
    boundaryStep,
  } = behaviour;
  const source = rng(fold(20260104, seed, name));
  const around = (value: number): number => value * (1 + noise * normal(source));
  const stage = (step: number) =>
    step < (boundaryStep ?? 0) ? ('classifier' as const) : ('all' as const);
  const tokensAt = (step: number): number => step * tokensPerStep + (seed % 7) * step;
  const share = (step: number): number => 1 - Math.exp(-tokensAt(step) / pace);
  const luck = 1 + noise * normal(source);

  const stepRow = (step: number): StepRow => ({
    step,
    stage: stage(step),
    sampledTokens: tokensAt(step),
    rewardMean: around(0.14 + gain * luck * share(step)),
    loss: around(0.1 - 0.05 * share(step)),
    gradNorm: around(1.4),
    entropy: around(1.05 - 2 * sharpening * share(step)),
    logProbMean: -around(1.05 - 2 * sharpening * share(step)),
  });
  const probeRow = (step: number): ProbeRow => ({
    step,
    stage: stage(step),
    sampledTokens: tokensAt(step),
    reward: around(0.14 + gain * luck * share(step)),
    greedyReward: around(0.2 + gain * luck * share(step)),
    confidence: around(0.55 + sharpening * share(step)),
    entropy: around(1.05 - 2 * sharpening * share(step)),
    selfBleu: around(0.3 + sharpening * share(step)),
    distinct: around(0.7 - sharpening * share(step)),
    featureCosine: around(featureCosine),
    effectiveRank: around(11 - 3 * share(step)),
    representationNorm: around(81_000 * (1 + 0.1 * share(step))),
    gradientNorm: around(52_000 * (1 + sharpening * share(step))),
    classifierNorm: around(44 + 2 * share(step)),
    featureNorm: around(19.2),
    predictedEntropyChange: -around(0.006),
    measuredEntropyChange: -around(0.0063),
    entropyChangeClassifier: -around(0.0045),
    entropyChangeBody: -around(0.0015),
    attributionResidual: -around(0.0003),
  });
  const sample = (completion: string, reward: number, i: number) => ({
    prompt: `What is ${i + 2} + ${i + 3}? Answer with a number.`,
    completion,
    answer: String(2 * i + 5),
    reward,
  });

  return {
    seed,
    config: {
      seed,
      recipe: name,
      learningRate: 3e-4,
      groupSize: 8,
      optimizer: { name: 'adamw', weightDecay: 0 },
      ...(boundaryStep && { classifierSteps: boundaryStep }),
    },
    steps: Array.from({ length: steps }, (_, i) => stepRow(i + 1)),
    probes: Array.from({ length: Math.floor(steps / 10) + 1 }, (_, i) => probeRow(10 * i)),
    samplesBefore: [0, 1, 2].map((i) =>
      sample(`Let me see.\nIt could be ${i + 9}, or perhaps not: sums are hard`, 0, i),
    ),
    samplesAfter: [0, 1, 2].map((i) => sample(String(2 * i + 5), 1, i)),
    seconds: 412.5 + seed,
    ...(boundaryStep && { stageBoundary: tokensAt(boundaryStep) }),
  };
}

/** A whole input. Without arms: CF-RL that learns twice as fast as standard RL. */
export function syntheticInput(arms: readonly ArmData[] = fasterCfrl()): ReportInput {
  return {
    title: 'CF-RL and standard RL on one-digit additions',
    task: {
      name: 'add-1',
      description: 'One-digit additions, rewarded 1 for the right number and 0 otherwise.',
    },
    createdAt: '2026-01-05T10:00:00Z',
    versions: { node: '20.20.0', tensorflow: '2.21.0', cfrl: '0.1.0', commit: 'd4ec30e' },
    backend: 'tensorflow',
    arms,
    command: 'cfrl paper --task add-1 --seeds 1,2,3,4,5',
  };
}

/** Two arms of which CF-RL is faster and more confident. */
export function fasterCfrl(): ArmData[] {
  return [
    syntheticArm({ name: 'CF-RL', pace: 18_000, sharpening: 0.33, boundaryStep: 40 }),
    syntheticArm({ name: 'standard RL', pace: 36_000, sharpening: 0.26 }),
  ];
}

/** Two arms of which CF-RL is slower and less confident, and outputs grow more diverse in both. */
export function slowerCfrl(): ArmData[] {
  return [
    syntheticArm({ name: 'CF-RL', pace: 36_000, sharpening: -0.2, boundaryStep: 40 }),
    syntheticArm({ name: 'standard RL', pace: 18_000, sharpening: -0.1 }),
  ];
}

/** Two arms that hardly do anything but jitter. */
export function noisyArms(): ArmData[] {
  const jitter = { pace: 30_000, gain: 0.02, sharpening: 0.01, noise: 0.25 };
  return [
    syntheticArm({ ...jitter, name: 'CF-RL', boundaryStep: 40 }),
    syntheticArm({ ...jitter, name: 'standard RL' }),
  ];
}
