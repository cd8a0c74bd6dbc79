/** Why a completion ended: a stop token, or `maxNewTokens`. */
export type FinishReason = 'stop' | 'length';

/** One completion of one prompt. */
export interface Completion {
  /** The prompt's text. */
  readonly prompt: string;
  readonly promptTokens: number[];
  /** The completion's text, without the stop token. */
  readonly text: string;
  /** The completion's tokens, the stop token included. */
  readonly tokens: number[];
  /** Nats, one a token, under the raw policy: temperature 1, every token allowed. */
  readonly logProbs: number[];
  readonly finishReason: FinishReason;
}

/** A token as it was drawn. */
export interface SampledToken {
  /** Which completion: its index in the result of {@link generate}. */
  readonly completion: number;
  readonly token: number;
  /** Nats, under the raw policy. */
  readonly logProb: number;
  /** Set on a completion's last token. */
  readonly finishReason?: FinishReason;
}
