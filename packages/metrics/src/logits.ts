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
export function summarizeLogits(
  where: string,
  logits: ArrayLike<number>,
  start = 0,
  count = logits.length,
): LogitSummary {
  checkCount(where, 'logits', count, 1);
  const end = start + count;
  let max = -Infinity;
  let second = -Infinity;
  let argmax = -1;
  for (let v = start; v < end; v++) {
    const z = logits[v]!;
    if (z > second) {
      if (z > max) {
        second = max;
        max = z;
        argmax = v;
      } else {
        second = z;
      }
    }
  }
  const below = argmax < 0 ? [0, 0] : weights(logits, start, argmax, max);
  const above = argmax < 0 ? [0, 0] : weights(logits, argmax + 1, end, max);
  const rest = below[0]! + above[0]!;
  // NaN and +Infinity show here; a row without them is not looked at again.
  if (argmax < 0 || max === Infinity || Number.isNaN(rest)) refuse(where, logits, start, end);
  return { max, second, rest, weighted: below[1]! + above[1]! };
}

/** `EXP[k]` is `exp(-k / 64)`; made when it is first needed. */
let EXP: Float64Array | undefined;

/**
 * Sums of `exp(-gap)` and of `exp(-gap) gap` with `gap = max - z`. `exp` is a table entry times a polynomial
 * of what remains, `|r| <= 1 / 128`, within two roundings of the exact value; two logits are under way at once.
 */
function weights(
  logits: ArrayLike<number>,
  start: number,
  end: number,
  max: number,
): [number, number] {
  const exps = (EXP ??= Float64Array.from({ length: 64 * 48 }, (_, k) => Math.exp(-k / 64)));
  let sum1 = 0;
  let sum2 = 0;
  let weighted1 = 0;
  let weighted2 = 0;
  let v = start;
  for (; v + 1 < end; v += 2) {
    const gap1 = max - logits[v]!;
    const gap2 = max - logits[v + 1]!;
    if (!(gap1 < 47) || !(gap2 < 47)) {
      const pair = slowWeights(gap1, gap2);
      sum1 += pair[0];
      weighted1 += pair[1];
      continue;
    }
    const k1 = (gap1 * 64 + 0.5) | 0;
    const k2 = (gap2 * 64 + 0.5) | 0;
    const r = k1 * (1 / 64) - gap1;
    const s = k2 * (1 / 64) - gap2;
    const r2 = r * r;
    const s2 = s * s;
    const w1 = exps[k1]! * (1 + r + r2 * (1 / 2 + r * (1 / 6) + r2 * (1 / 24 + r * (1 / 120))));
    const w2 = exps[k2]! * (1 + s + s2 * (1 / 2 + s * (1 / 6) + s2 * (1 / 24 + s * (1 / 120))));
    sum1 += w1;
    sum2 += w2;
    weighted1 += w1 * gap1;
    weighted2 += w2 * gap2;
  }
  if (v < end) {
    const [sum, weighted] = slowWeights(max - logits[v]!, Infinity);
    sum1 += sum;
    weighted1 += weighted;
  }
  return [sum1 + sum2, weighted1 + weighted2];
}

/** The same for any two gaps. */
function slowWeights(gap1: number, gap2: number): [number, number] {
  let [sum, weighted] = [0, 0];
  for (const gap of [gap1, gap2]) {
    // A weight of 0 may come with an infinite gap, and 0 * Infinity is NaN.
    const weight = Math.exp(-gap);
    sum += weight;
    if (weight !== 0) weighted += weight * gap;
  }
  return [sum, weighted];
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
