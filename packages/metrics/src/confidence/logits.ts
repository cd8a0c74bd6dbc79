import { checkCount } from '../check.js';
import { type ExpSums, sumsInScript } from './exp-sums.js';

/**
 * One validated summary from which entropy, confidence and margin follow without cancellation.
 * Leaving one maximum out keeps tiny remainders that `1 + 1e-20` would lose. Which way the sums are taken is a
 * matter of speed and size alone.
 */
export function summarizeLogits(
  where: string,
  logits: ArrayLike<number>,
  start = 0,
  count = logits.length,
  sumsOf = sumsInScript,
): ExpSums {
  checkCount(where, 'logits', count, 1);
  const sums = sumsOf(logits, start, start + count);
  // NaN and +Infinity show here; a row without them is not looked at again.
  if (Number.isNaN(sums.rest)) refuse(where, logits, start, start + count);
  return sums;
}

function refuse(where: string, logits: ArrayLike<number>, start: number, end: number): never {
  for (let v = start; v < end; v++) {
    if (!(logits[v]! < Infinity)) {
      throw new RangeError(
        `${where}: logits[${v}] is ${logits[v]}, expected a finite number, or -Infinity for a token that cannot occur`,
      );
    }
  }
  throw new RangeError(`${where}: logits has only -Infinity, expected at least one finite entry`);
}
