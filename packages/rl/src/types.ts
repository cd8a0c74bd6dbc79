import type { Params } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

/** One message of a conversation. More fields, such as `tool_calls`, belong to the policy's chat template. */
export interface ChatMessage {
  readonly role: string;
  /** A text, or its parts. */
  readonly content?: string | readonly Readonly<Record<string, unknown>>[] | null;
  readonly [field: string]: unknown;
}

/** A conversation with what its template is given besides. */
export interface ChatPrompt {
  readonly messages: readonly ChatMessage[];
  /** JSON schemas of functions that the policy may call. */
  readonly tools?: readonly Readonly<Record<string, unknown>>[];
  /** For templates that retrieve. */
  readonly documents?: readonly Readonly<Record<string, unknown>>[];
  /** More variables of the template, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** What a policy is asked to continue: a text, tokens, or a conversation, which ends where the assistant's message begins. */
export type PromptContent = string | readonly number[] | readonly ChatMessage[] | ChatPrompt;

/** What `train` completes: a prompt, or a record with one and whatever the reward needs. */
export type Prompt = PromptContent | { readonly prompt: PromptContent };

/** One sampled continuation of a prompt. */
export interface Completion {
  /** The text that was continued; of a conversation, what its template makes of it. */
  readonly prompt: string;
  /** `[Tp]`, the prompt as the policy read it, at least one token. */
  readonly promptTokens: readonly number[];
  /** The continuation as text. */
  readonly text: string;
  /** `[L]`, the continuation alone, at least one token; the stop token is in it when it was sampled. */
  readonly tokens: readonly number[];
  /** `[L]`, nats, log-probability of each token under the raw policy (temperature 1, nothing cut off). */
  readonly logProbs: readonly number[];
  /** Whether the policy stopped by itself or was cut off. */
  readonly finishReason: 'stop' | 'length';
}

/** One completion to sample; given the parameters, the seed alone determines it. */
export interface SampleRequest {
  /** What to continue. */
  readonly prompt: PromptContent;
  /** Integer in `[0, 2^53)`. */
  readonly seed: number;
}

/** What {@link Policy.sample} is given besides. */
export interface SampleOptions {
  /** Ends the sampling: it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a policy scores: right-padded token sequences. */
export interface TokenBatch {
  /** `[B, T]`, int32. */
  readonly tokens: tf.Tensor2D;
  /** `[B, T]`, int32, 1 on tokens and 0 on the padding behind them. */
  readonly attentionMask: tf.Tensor2D;
}

/** The policy's last linear map, apart from the body below it. */
export interface Classifier {
  /** The names of its parameters, for example `['lm_head.weight']`: those that `logits` may use. */
  readonly names: readonly string[];
  /** `[B, T, D]`, the body alone; the caller owns it. */
  features(params: Params, batch: TokenBatch): tf.Tensor3D;
  /**
   * `[B, T, D] -> [B, T, V]`, differentiable in the parameters and the features, and a function of these alone; with a large
   * vocabulary it is asked for some positions at a time, again in the gradient. The caller owns the result.
   */
  logits(params: Params, features: tf.Tensor3D): tf.Tensor3D;
}

/** A language model, seen from here: something that samples and that scores. */
export interface Policy {
  /**
   * Samples one completion a request, in the requests' order, from the raw policy. Given the
   * parameters, `requests[i].seed` alone determines completion `i`: not the other requests.
   */
  sample(
    params: Params,
    requests: readonly SampleRequest[],
    options?: SampleOptions,
  ): Promise<readonly Completion[]>;
  /**
   * Throws for the first prompt that it could not complete (empty, too long, of a kind that it does not read), with the prompt's index
   * in the message. `train` asks before its first step.
   */
  checkPrompts?(prompts: readonly PromptContent[]): void;
  /**
   * Logits `[B, T, V]` for the token after each position, and features `[B, T, D]`, the classifier's
   * input. Differentiable in the parameters; the caller owns both.
   */
  forward(params: Params, batch: TokenBatch): { logits: tf.Tensor3D; features: tf.Tensor3D };
  /**
   * The same network cut at its classifier. With it, logits are computed on completions only, and
   * training the classifier alone keeps the body off the tape.
   */
  readonly classifier?: Classifier;
  /** A token that the policy can read, put behind shorter sequences. */
  readonly padToken: number;
  /**
   * Longest sequence that it can read, in tokens. With it batches are padded to multiples of eight columns, so that compiled
   * updates need few graphs; without, to the longest completion.
   */
  readonly maxPositions?: number;
  /** `D`, the width of the features. */
  readonly featureSize: number;
}

/** What a completion earned, reward units: one number, or `[L]`, one a token; its reward is then their sum. */
export type Earned = number | readonly number[];

/** What a reward is given besides. */
export interface RewardOptions {
  /** Aborts when the run is aborted, or when `rewardTimeout` has passed; hand it to `fetch` and the like. */
  readonly signal: AbortSignal;
}

/** The task: what a completion earns. A throw or a number that is not finite ends the training. */
export type Reward<P extends Prompt> = (
  completion: Completion,
  prompt: P,
  options: RewardOptions,
) => Earned | Promise<Earned>;

/** A task that looks at all completions of a step together, or that is faster so. */
export interface BatchReward<P extends Prompt> {
  /** What each completion earns; `prompts[i]` is that of `completions[i]`, and those of one prompt are consecutive. */
  batch(
    completions: readonly Completion[],
    prompts: readonly P[],
    options: RewardOptions,
  ): readonly Earned[] | Promise<readonly Earned[]>;
}

/** What an algorithm knows of one completion before the updates; plain numbers, not padded. */
export interface Rollout {
  /** What the task gave, reward units; the sum of `rewards`, if there are some. */
  readonly reward: number;
  /** `[L]`, reward units, if the task gave one number a token. */
  readonly rewards?: readonly number[];
  /** `[L]`, nats, under the policy that sampled. */
  readonly oldLogProbs: readonly number[];
  /** `[L]`, nats, under the reference, if there is one. */
  readonly refLogProbs?: readonly number[];
  /** `[L]`, reward units, the critic's value of the prefix before each token, if there is a critic. */
  readonly values?: readonly number[];
}

/** What an algorithm trains one completion on. */
export interface Target {
  /** `[L]`, reward units (or standard deviations of it, if normalised). */
  readonly advantages: readonly number[];
  /** `[L]`, reward units: the critic's targets. */
  readonly returns?: readonly number[];
}

/** The tensors of one update. All are `[B, T]`, and 0 outside of `mask`. */
export interface LossInput {
  /** Bool, true on completion tokens. */
  readonly mask: tf.Tensor2D;
  /** Nats, under the current parameters; carries the gradient. */
  readonly logProbs: tf.Tensor2D;
  /** Nats, under the policy that sampled; a constant. */
  readonly oldLogProbs: tf.Tensor2D;
  /** Nats, under the reference; a constant. */
  readonly refLogProbs?: tf.Tensor2D;
  /** From {@link Algorithm.prepare}; a constant. */
  readonly advantages: tf.Tensor2D;
  /** Nats, of the distribution that each token was drawn from, under the current parameters; carries the gradient. */
  readonly entropy: tf.Tensor2D;
  /** Reward units, the critic under the current parameters; carries the gradient. */
  readonly values?: tf.Tensor2D;
  /** Reward units, the critic before the updates; a constant. */
  readonly oldValues?: tf.Tensor2D;
  /** From {@link Algorithm.prepare}; a constant. */
  readonly returns?: tf.Tensor2D;
}

/** A loss to minimise and what to log beside it; the caller owns all tensors. */
export interface LossResult {
  /** Scalar, differentiable. */
  readonly loss: tf.Scalar;
  /**
   * Scalars. Over a step's updates a name that ends in `Max` is combined by maximum, any other by mean: each is a mean over the
   * tokens of its minibatch, and weighs as many.
   */
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
  /** The names of those metrics that are means over completions instead. */
  readonly perCompletion?: readonly string[];
}

/** A target for each rollout, `undefined` where the completion is dropped: nothing is trained on it. */
export type Targets = readonly (Target | undefined)[];

/** What {@link Algorithm.prepare} answers: the targets, or how many prompts to sample more before it is asked again. */
export type Prepared = Targets | { readonly morePrompts: number };

/**
 * One way to turn rewards into updates. `train` asks nothing else, so a new one is an object of this type.
 * `Answer` is what its `prepare` returns.
 */
export interface Algorithm<Answer = Prepared | Promise<Prepared>> {
  /** The name for logs. */
  readonly name: string;
  /** Every option with the value in use, ready for JSON: functions by name, `Infinity` as text. */
  readonly options: Readonly<Record<string, number | string>>;
  /** `G`, completions a prompt. */
  readonly groupSize: number;
  /** Passes over the completions of one step. */
  readonly epochs: number;
  /** Completions an update; `Infinity` for all of the step's. */
  readonly minibatchSize: number;
  /** Whether a reference policy is needed (a KL weight above 0). */
  readonly needsReference: boolean;
  /** Trainable parameters besides the policy's, for example a value head; the caller owns them. */
  init?(featureSize: number, seed: number): Params;
  /** The critic, from features `[B, T, D]` to `[B, T]`, differentiable; the caller owns it. */
  values?(params: Params, features: tf.Tensor3D): tf.Tensor2D;
  /** How often a step may sample, if `prepare` asks for more. @defaultValue 1 */
  readonly maxRounds?: number;
  /**
   * From rewards to advantages. The `groupSize` completions of one prompt are consecutive. Asked again after it wanted more, it gets
   * all of the step's rollouts, those it knows already first.
   */
  prepare(rollouts: readonly Rollout[]): Answer;
  /** The loss of one minibatch. */
  loss(input: LossInput): LossResult;
}
