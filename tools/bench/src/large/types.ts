/** What to train on, and how. */
export interface StepOptions {
  /** Whether blocks are computed again in the gradient. */
  readonly rematerialize: boolean;
  /** Sequences of a micro-batch. */
  readonly rows: number;
  /** Tokens of a sequence. */
  readonly time: number;
  /** Micro-batches of a step. */
  readonly microBatches: number;
  readonly steps: number;
  /** Whether adapters of rank 16 are trained instead of all parameters. */
  readonly lora: boolean;
}

/** What it took. */
export interface StepReport {
  readonly parameters: number;
  readonly trained: number;
  /** Tokens of a step. */
  readonly tokens: number;
  readonly threads: number;
  /** Nats a token, before each step. */
  readonly losses: readonly number[];
  /** Of each step; the first one records the graphs. */
  readonly seconds: readonly number[];
  /** The process's largest resident set so far: when the model is there, and after each step. */
  readonly peakMebibytes: { readonly atStart: number; readonly steps: readonly number[] };
}
