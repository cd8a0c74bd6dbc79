/** A prompt with what the reward needs to know. */
export interface TaskPrompt {
  /** The text to continue. */
  readonly prompt: string;
  /** The one right continuation, without the end of text. */
  readonly answer: string;
}

/** Something to learn that a program can check: prompts, answers and a reward. */
export interface Task {
  /** A word or two. */
  readonly name: string;
  /** A sentence for reports. */
  readonly description: string;
  /** Every character that prompts and answers may use. */
  readonly alphabet: string;
  /** Longest answer in characters, the end of text included. */
  readonly maxNewTokens: number;
  /** Prompts to train on. */
  readonly train: readonly TaskPrompt[];
  /** Prompts that are never trained on, neither supervised nor by reinforcement. */
  readonly heldOut: readonly TaskPrompt[];
  /** The verifiable reward of a completion's text. */
  readonly reward: (text: string, prompt: TaskPrompt) => number;
}
