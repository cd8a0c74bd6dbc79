import type { Prompt } from '@cfrl/model';

/** A prompt with what the reward needs to know. */
export interface TaskPrompt {
  /** What to continue: a text, tokens or a conversation, read as `generate` reads it. */
  readonly prompt: Prompt;
  /** The one right continuation, without the end of text. */
  readonly answer: string;
}

/** Something to learn that a program can check: prompts, answers and a reward. */
export interface Task {
  /** A word or two. */
  readonly name: string;
  /** A sentence for reports. */
  readonly description: string;
  /** Longest answer in tokens, the end of text included. */
  readonly maxNewTokens: number;
  /** A completion ends with any of these; `[]` where all answers are `maxNewTokens` long. @defaultValue those of the model */
  readonly stopTokens?: readonly number[];
  /** Prompts to train on. */
  readonly train: readonly TaskPrompt[];
  /** Prompts that are never trained on, neither supervised nor by reinforcement. */
  readonly heldOut: readonly TaskPrompt[];
  /** The verifiable reward of a completion's text, finite. */
  readonly reward: (text: string, prompt: TaskPrompt) => number | Promise<number>;
}

/** A prompt that is a text. */
export interface TextPrompt extends TaskPrompt {
  readonly prompt: string;
}

/** A task whose prompts and answers are texts of few characters, for a tokenizer made for it. */
export interface CharacterTask extends Task {
  readonly train: readonly TextPrompt[];
  readonly heldOut: readonly TextPrompt[];
  /** Every character that prompts and answers may use. */
  readonly alphabet: string;
}
