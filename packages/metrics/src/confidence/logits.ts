import { checkCount } from '../check.js';
import { type ExpSums, sumsInScript } from './exp-sums.js';

/**
 * Checks a row of logits and sums it up. The sums leave the largest entry out: `1 + 1e-20` would lose the rest.
 * `sumsOf` changes no number: `expSums` is faster, the default is less code.
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
  // NaN here means NaN, +Infinity or nothing but -Infinity in the row.
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
