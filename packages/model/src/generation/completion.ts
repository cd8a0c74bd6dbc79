/** Why a completion ended: a stop token, a stop string or the end of what a constraint allows; or `maxNewTokens`. */
export type FinishReason = 'stop' | 'length';

/** One completion of one prompt. */
export interface Completion {
  /** The prompt's text; of a conversation, what its template makes of it. */
  readonly prompt: string;
  readonly promptTokens: number[];
  /** The completion's text, without the stop token, and up to the stop string. */
  readonly text: string;
  /** The completion's tokens, the stop token and those of the stop string included. */
  readonly tokens: number[];
  /** Nats, one a token, under the raw policy: temperature 1, every row of the embedding allowed, those without a token too. */
  readonly logProbs: number[];
  /** Nats, one a token, under the distribution it was drawn from, after temperature and all processors; 0 for temperature 0. */
  readonly sampledLogProbs: number[];
  /** `[D]` a token, if asked for: the features it was drawn from, which are the classifier's input. */
  readonly features?: readonly Float32Array[];
  readonly finishReason: FinishReason;
}

/** A token as it was drawn. */
export interface SampledToken {
  /** Which completion: its index in the result of {@link generate}. */
  readonly completion: number;
  readonly token: number;
  /**
   * The text that has become certain, maybe none: half a character, and what may be the beginning of a stop string, are held back.
   * The texts of a completion together are its text.
   */
  readonly text: string;
  /** Nats, under the raw policy. */
  readonly logProb: number;
  /** Nats, under the distribution it was drawn from. */
  readonly sampledLogProb: number;
  /** Set on a completion's last token. */
  readonly finishReason?: FinishReason;
}
