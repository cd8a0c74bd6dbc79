import type { Side } from '../rows.js';
import type { Prepared } from '../worker/protocol.js';
import type { Difference } from './compare.js';
import { type Round, median, ratioOf } from './statistics.js';
import type { Measured, Outcome } from './types.js';

/**
 * A row's numbers, against the rival with the smallest median.
 *
 * @param sides - ours, then the rivals
 * @param rounds - `[rounds][sides][samples]`
 * @param per - what samples are divided by, where a side has nothing of its own
 * @param failed - rivals without numbers
 */
export function outcomeOf(
  sides: readonly (Pick<Prepared, 'firstMs'> & {
    side: Side;
    differences: readonly Difference[];
  })[],
  measuredRounds: readonly (readonly (readonly number[])[])[],
  per: number,
  failed: Outcome['others'],
): Outcome {
  const rounds = measuredRounds.map((round) =>
    round.map((samples, i) => samples.map((n) => n / (sides[i]!.side.per ?? per))),
  );
  const measured = sides.map(({ side: { label }, firstMs }, i): Measured => {
    const samples = rounds.flatMap((round) => round[i]!);
    return { label, median: median(samples), samples, firstMs };
  });
  const [own, ...rivals] = measured;
  const fastest = rivals.reduce((best, each) => (each.median < best.median ? each : best));
  const at = measured.indexOf(fastest);
  const pairs = rounds.map((round): Round => ({ ours: round[0]!, theirs: round[at]! }));
  return {
    ...ratioOf(pairs),
    ours: own!,
    theirs: fastest,
    others: [...rivals.filter((each) => each !== fastest), ...failed],
    differences: sides[at]!.differences,
  };
}
