import { checkCount } from './check.js';

/** The softmax of one position, written relative to its largest logit so that nothing overflows. */
export interface LogitSummary {
  /** The largest logit. */
  readonly max: number;
  /** The second largest logit (equal to `max` on a tie), `-Infinity` for a vocabulary of one. */
  readonly second: number;
  /** Sum of `exp(z - max)` over every logit but one maximum: the partition sum less 1. */
  readonly rest: number;
  /** Sum of `exp(z - max) (max - z)` over the same logits. */
  readonly weighted: number;
}

/**
 * One validated summary from which entropy, confidence and margin follow without cancellation.
 * Leaving one maximum out keeps tiny remainders that `1 + 1e-20` would lose.
 */
export function summarizeLogits(where: string, logits: ArrayLike<number>): LogitSummary {
  checkCount(where, 'logits', logits.length, 1);
  let max = -Infinity;
  let second = -Infinity;
  let argmax = -1;
  for (let v = 0; v < logits.length; v++) {
    const z = logits[v]!;
    if (!(z < Infinity)) {
      throw new RangeError(
        `${where}: logits[${v}] is ${z}, expected a finite number, or -Infinity for a token that cannot occur`,
      );
    }
    if (z > max) {
      second = max;
      max = z;
      argmax = v;
    } else if (z > second) {
      second = z;
    }
  }
  if (argmax < 0) {
    throw new RangeError(`${where}: logits has only -Infinity, expected at least one finite entry`);
  }
  let rest = 0;
  let weighted = 0;
  for (let v = 0; v < logits.length; v++) {
    if (v === argmax) continue;
    const gap = max - logits[v]!;
    const weight = Math.exp(-gap);
    // A weight of 0 may come with an infinite gap, and 0 * Infinity is NaN.
    if (weight > 0) {
      rest += weight;
      weighted += weight * gap;
    }
  }
  return { max, second, rest, weighted };
}
