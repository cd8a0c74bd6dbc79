import type { Plan } from './plan.js';
import { iterationsFor } from './statistics.js';

/** Iterates a number of times, and says what each took, ms. */
export type Turn = (iterations: number) => Promise<readonly number[]>;

/**
 * Lets several sides compute in turns, one at a time, so that all see the same machine. Who begins changes from round
 * to round; a warm-up of each is left out.
 *
 * @param sides - any number
 * @param plan - rounds, and how long a turn takes
 * @param progress - called with the share that is done
 * @returns `[rounds][sides][samples]`, ms
 */
export async function takeTurns(
  sides: readonly Turn[],
  { rounds: count, roundMs }: Pick<Plan, 'rounds' | 'roundMs'>,
  progress: (share: number) => void,
): Promise<number[][][]> {
  const iterations: number[] = [];
  for (const turn of sides) {
    const warm = await turn(iterationsFor(await turn(2), roundMs));
    iterations.push(iterationsFor(warm, roundMs));
  }
  const rounds: number[][][] = [];
  while (rounds.length < count) {
    const round: number[][] = [];
    const order = sides.map((_, i) => (rounds.length % 2 === 0 ? i : sides.length - 1 - i));
    for (const i of order) round[i] = [...(await sides[i]!(iterations[i]!))];
    rounds.push(round);
    progress(rounds.length / count);
  }
  return rounds;
}
