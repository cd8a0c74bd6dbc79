/** Name of the arm that claims C2 and C3 are about: classifier first, then everything. */
export const CFRL_ARM = 'CF-RL';

/** Name of the arm that others are compared with: RL on all parameters from the first step. */
export const STANDARD_ARM = 'standard RL';

/** Which parameters an update moved: the classifier alone (stage 1 of CF-RL), or all. */
export type Stage = 'classifier' | 'all';

/** The records of one run. */
export interface RunData {
  /** Unique within the arm. */
  readonly seed: number;
  /** Every resolved option. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Every RL step, in order. */
  readonly steps: readonly StepRow[];
  /** Measurements on held-out prompts every few steps, in order; the first, at 0 tokens, is before RL. */
  readonly probes: readonly ProbeRow[];
  /** Completions before RL. */
  readonly samplesBefore: readonly Sample[];
  /** Completions of the same prompts at the end. */
  readonly samplesAfter: readonly Sample[];
  /** Wall-clock time of the run, seconds. */
  readonly seconds: number;
  /** `sampledTokens` at which stage 1 ended; CF-RL only. */
  readonly stageBoundary?: number;
}

/** One completion. */
export interface Sample {
  readonly prompt: string;
  /** What the model wrote: untrusted text. */
  readonly completion: string;
  /** The reference answer. */
  readonly answer: string;
  /** Reward units. */
  readonly reward: number;
}

/** One RL step. A metric that was not measured is absent or `null`. */
export interface StepRow {
  readonly step: number;
  readonly stage: Stage;
  /** Tokens sampled for training so far, cumulative. */
  readonly sampledTokens: number;
  /** Mean training reward of the batch. */
  readonly rewardMean: number;
  readonly loss: number;
  /** Global norm before clipping. */
  readonly gradNorm: number;
  /** Nats per token. */
  readonly entropy: number;
  /** Mean log-probability of the sampled tokens, nats. */
  readonly logProbMean: number;
  readonly [metric: string]: number | string | null;
}

/** One measurement on held-out prompts. A field that was not measured may be `null` or absent in stored records. */
export interface ProbeRow {
  readonly step: number;
  readonly stage: Stage;
  /** Tokens sampled for training so far, cumulative. */
  readonly sampledTokens: number;
  /** Held-out accuracy under sampling. */
  readonly reward: number;
  /** Held-out accuracy of greedy decoding. */
  readonly greedyReward: number;
  /** Mean largest probability over the sampled tokens' positions, in [0, 1]. */
  readonly confidence: number;
  /** Nats per token. */
  readonly entropy: number;
  /** In [0, 1]; 1 when the completions of a prompt are all alike. */
  readonly selfBleu: number;
  /** Share of distinct n-grams, in [0, 1]. */
  readonly distinct: number;
  /** Mean pairwise cosine of the features, in [-1, 1]. */
  readonly featureCosine: number;
  /** Effective rank of the features, in [1, D]. */
  readonly effectiveRank: number;
  /** Mean `||R(c, c')||_F` over the probe pairs; absent where the kernel was left out. */
  readonly representationNorm?: number;
  /** Mean `||G(c, c')||_F` over the probe pairs; absent where the kernel was left out. */
  readonly gradientNorm?: number;
  /** `||W||_F`. */
  readonly classifierNorm: number;
  /** Mean `||phi(c)||`. */
  readonly featureNorm: number;
  /** First-order entropy change of the probed update, nats per token. */
  readonly predictedEntropyChange?: number;
  /** Entropy change that the same update really made, nats per token. */
  readonly measuredEntropyChange?: number;
  /** Part of the predicted change that came through the classifier, whatever the optimiser. */
  readonly entropyChangeClassifier?: number;
  /** Part of the predicted change that came through the body: every other parameter. */
  readonly entropyChangeBody?: number;
  /** Measured minus predicted. */
  readonly attributionResidual?: number;
}
