import { iterationsFor } from './statistics.js';

/** How much is measured: times that both sides take turns, the ms of one side's turn, and the same for what takes a process each. */
export interface Plan {
  readonly rounds: number;
  readonly roundMs: number;
  readonly processes: number;
}

/** A measurement whose spread is worth printing. */
export const full: Plan = { rounds: 9, roundMs: 500, processes: 2 };

/** Enough to see that everything works. */
export const quick: Plan = { rounds: 4, roundMs: 200, processes: 1 };

/** Iterates a number of times, and says what each took, ms. */
export type Turn = (iterations: number) => Promise<readonly number[]>;

/**
 * Lets several sides compute in turns, one at a time, so that all see the same machine. Who begins changes from round
 * to round; a warm-up of each is left out.
 *
 * @returns `[rounds][sides][samples]`, ms
 */
export async function takeTurns(
  sides: readonly Turn[],
  { rounds: count, roundMs }: Pick<Plan, 'rounds' | 'roundMs'>,
): Promise<(readonly number[])[][]> {
  const iterations: number[] = [];
  for (const turn of sides) {
    const warm = await turn(iterationsFor(await turn(2), roundMs));
    iterations.push(iterationsFor(warm, roundMs));
  }
  const rounds: (readonly number[])[][] = [];
  while (rounds.length < count) {
    const round: (readonly number[])[] = [];
    const order = sides.map((_, i) => (rounds.length % 2 === 0 ? i : sides.length - 1 - i));
    for (const i of order) round[i] = await sides[i]!(iterations[i]!);
    rounds.push(round);
  }
  return rounds;
}
