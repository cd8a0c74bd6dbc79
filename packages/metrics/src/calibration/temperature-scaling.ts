import { checkCount, checkInteger, checkSameLength } from '../check.js';
import { summarizeLogits } from '../confidence/logits.js';

/** What {@link fitTemperature} returns. */
export interface TemperatureFit {
  /** Divide logits by this. Above 1: the model was overconfident. */
  readonly temperature: number;
  /** Mean negative log-likelihood at that temperature, nats. */
  readonly loss: number;
}

/**
 * Temperature scaling: the one temperature that makes right answers most likely.
 *
 *     T = argmin_T - (1 / n) sum_i log softmax(z[i] / T)[label[i]]
 *
 * By Newton steps, kept inside of a bracket, to the last digits; the loss is convex in `1 / T`. Unit: none.
 * Range: (0, infinity). The order of answers stays. Misleads when fitted and judged on the same answers, and
 * where questions would need different temperatures.
 *
 * @param logits - `[n][V]`, finite.
 * @param labels - `[n]`, the right token of each, in [0, V).
 * @throws RangeError if lengths differ, an entry is no finite logit or no label, or no finite temperature is best
 *   (every label is a largest logit, or labels lie no higher than the mean logit).
 * @see Guo et al. 2017, section 4.2, https://arxiv.org/abs/1706.04599
 *
 * @example
 * ```ts
 * // Right 3 times out of 4 with a lead of 2 nats: the odds should be 3, so T = 2 / log 3.
 * fitTemperature([[2, 0], [2, 0], [2, 0], [2, 0]], [0, 0, 0, 1]); // => { temperature: 1.820478, loss: 0.562335 }
 * ```
 */
export function fitTemperature(
  logits: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
): TemperatureFit {
  const where = 'fitTemperature';
  checkSameLength(where, ['logits', logits], ['labels', labels]);
  checkCount(where, 'logits', logits.length, 1);
  // Gaps to the largest logit, of all tokens and of the label.
  const gaps = logits.map((z) => {
    const { max } = summarizeLogits(where, z);
    return Float64Array.from(z, (value) => max - value);
  });
  const target = gaps.map((row, i) => {
    checkInteger(where, `labels[${i}]`, labels[i]!, 0);
    const gap = row[labels[i]!];
    if (gap === undefined || gap === Infinity || row.includes(Infinity)) {
      throw new RangeError(
        `${where}: labels[${i}] is ${labels[i]}, expected one of ${row.length} tokens with finite logits`,
      );
    }
    return gap;
  });
  const n = gaps.length;
  const wanted = target.reduce((sum, gap) => sum + gap, 0) / n;
  const average =
    gaps.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0) / row.length, 0) / n;
  if (wanted < 1e-200 || wanted >= average) {
    throw new RangeError(
      `${where}: labels has ${wanted < average ? 'only tokens of the largest logit' : 'tokens no likelier than chance'}, expected data with a best temperature; fit on other answers`,
    );
  }
  /** Slope and curvature of the loss in `beta = 1 / T`, and the loss. */
  const at = (beta: number): { slope: number; curvature: number; loss: number } => {
    let [slope, curvature, loss] = [wanted, 0, beta * wanted];
    for (const row of gaps) {
      let [z, first, second] = [0, 0, 0];
      for (const gap of row) {
        const weight = Math.exp(-beta * gap);
        z += weight;
        first += weight * gap;
        second += weight * gap * gap;
      }
      slope -= first / z / n;
      curvature += (second / z - (first / z) ** 2) / n;
      loss += Math.log(z) / n;
    }
    return { slope, curvature, loss };
  };
  let low = 0;
  let high = 1;
  while (at(high).slope < 0) [low, high] = [high, high * 2];
  let beta = (low + high) / 2;
  // Newton doubles the digits of each step; bisection alone would be done after 100.
  for (let step = 0; step < 100; step++) {
    const { slope, curvature } = at(beta);
    if (slope < 0) low = beta;
    else high = beta;
    const newton = beta - slope / curvature;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - beta) <= 2 * Number.EPSILON * beta) break;
    beta = next;
  }
  return { temperature: 1 / beta, loss: at(beta).loss };
}
