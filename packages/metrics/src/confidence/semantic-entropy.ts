import { checkCount, checkFinite, checkSameLength, resolveOptions } from '../check.js';
import { entropy } from './entropy.js';

/** Options of {@link semanticEntropy}. */
export interface SemanticEntropyOptions {
  /** `[n]`, nats: how likely each item is; items count alike without it. @defaultValue all equal */
  readonly logProbs?: ArrayLike<number>;
}

/** What {@link semanticEntropy} returns. */
export interface SemanticEntropy {
  /** Entropy over meanings, nats. */
  readonly entropy: number;
  /** `[n]`: the number of each item's meaning, in order of appearance. */
  readonly clusters: readonly number[];
  /** Probability of each meaning. */
  readonly probabilities: readonly number[];
}

/**
 * Semantic entropy: how many meanings answers have, whatever their words.
 *
 *     H = - sum_c p[c] log p[c],   p[c] = sum of the weights of the items in c
 *
 * An item joins the first cluster whose first item it equals. Weights are `1 / n`, or proportional to
 * `exp(logProbs)`: pass sums of token log-probabilities, or means to normalise by length. Unit: nats. Range:
 * [0, log n]. Misleads by its judge: if `equivalent` is not transitive, clusters depend on the order; and with
 * few samples, which miss rare meanings.
 *
 * @param items - `[n]`, answers of any type.
 * @param equivalent - Whether two answers mean the same.
 * @throws RangeError if there is no item, or `logProbs` has another length or an entry that is not finite.
 * @see Farquhar et al. 2024, https://doi.org/10.1038/s41586-024-07421-0
 *
 * @example
 * ```ts
 * const answers = ['12', 'twelve', '13', '12'];
 * const number = (text: string) => (text === 'twelve' ? 12 : Number(text));
 * semanticEntropy(answers, (a, b) => number(a) === number(b)); // => { entropy: 0.562335, clusters: [0, 0, 1, 0], probabilities: [0.75, 0.25] }
 * ```
 */
export function semanticEntropy<Item>(
  items: readonly Item[],
  equivalent: (a: Item, b: Item) => boolean,
  options: SemanticEntropyOptions = {},
): SemanticEntropy {
  const { logProbs } = resolveOptions('semanticEntropy', options, { logProbs: undefined });
  checkCount('semanticEntropy', 'items', items.length, 1);
  if (logProbs !== undefined) {
    checkSameLength('semanticEntropy', ['items', items], ['logProbs', logProbs]);
    checkFinite('semanticEntropy', 'logProbs', logProbs);
  }
  const max = logProbs === undefined ? 0 : Array.from(logProbs).reduce((a, b) => Math.max(a, b));
  const first: Item[] = [];
  const mass: number[] = [];
  const clusters = items.map((item, i) => {
    let cluster = first.findIndex((other) => equivalent(other, item));
    if (cluster < 0) {
      cluster = first.push(item) - 1;
      mass.push(0);
    }
    mass[cluster]! += logProbs === undefined ? 1 : Math.exp(logProbs[i]! - max);
    return cluster;
  });
  const total = mass.reduce((sum, weight) => sum + weight, 0);
  const probabilities = mass.map((weight) => weight / total);
  return { entropy: entropy(probabilities), clusters, probabilities };
}
