/** How much is measured. */
export interface Plan {
  /** Times that both sides take turns. */
  readonly rounds: number;
  /** What one side's turn takes, about. */
  readonly roundMs: number;
  /** The same for what takes a process each. */
  readonly processes: number;
  /** GRPO steps in each of those. */
  readonly memorySteps: number;
}

/** A measurement whose spread is worth printing. */
export const full: Plan = { rounds: 9, roundMs: 500, processes: 2, memorySteps: 4 };

/** Enough to see that everything works. */
export const quick: Plan = { rounds: 4, roundMs: 200, processes: 1, memorySteps: 3 };
