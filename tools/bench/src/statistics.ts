/** The middle of some numbers; the mean of the two in the middle if their count is even. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) {
    throw new RangeError('median: numbers is empty, expected at least one; measure more rounds');
  }
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** What was measured in one round, one side right after the other. */
export interface Round {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/**
 * Ours over theirs. Rounds are pairs: what disturbs the machine for longer than a round disturbs both.
 *
 * @param rounds - at least one
 * @returns the ratio of the medians of all samples, and the smallest, middle and largest ratio of a round
 */
export function ratioOf(rounds: readonly Round[]) {
  const each = rounds.map(({ ours, theirs }) => median(ours) / median(theirs));
  const all = (side: keyof Round): number => median(rounds.flatMap((round) => round[side]));
  return {
    ratio: all('ours') / all('theirs'),
    rounds: { min: Math.min(...each), median: median(each), max: Math.max(...each) },
  };
}

/** How often to iterate in a round of about `roundMs`, from the ms of earlier iterations. */
export const iterationsFor = (samples: readonly number[], roundMs: number): number =>
  Math.min(50, Math.max(1, Math.round(roundMs / median(samples))));
