import { checkCount } from '../check.js';
import { extendNgrams, numberTokens } from '../tokenization/n-grams.js';
import type { NgramOrder } from '../tokenization/n-grams.js';
import type { SelfSimilarity } from './pairwise.js';
import { selfSimilarity } from './pairwise.js';
import { splitCharacters } from '../tokenization/tokenizers.js';

const ORDERS = 6;

/**
 * chrF: overlap of character n-grams up to 6, with recall weighing twice as much as precision.
 *
 *     chrF = 5 P R / (4 P + R),   P, R = means over n = 1 to 6 of matches / n-grams of the candidate, reference
 *
 * Whitespace is left out, and so are orders that one of the two is too short for; of several references the
 * best counts. Equal to sacreBLEU's sentence chrF2 over 100. Unit: none. Range: [0, 1]. Misleads across scripts: a
 * character says more in some than in others.
 *
 * @param candidate - The text.
 * @param references - At least one text.
 * @returns The score.
 * @throws RangeError if there is no reference; TypeError if a text is not a string.
 * @see Popovic 2015, https://aclanthology.org/W15-3049
 *
 * @example
 * ```ts
 * chrF('the cat', ['the cats']); // => 0.77571
 * ```
 */
export function chrF(candidate: string, references: readonly string[]): number {
  checkCount('chrF', 'references', references.length, 1);
  const scores = pairScores('chrF', [candidate, ...references]);
  return references.reduce((best, _, j) => Math.max(best, scores(0, j + 1)), 0);
}

/**
 * Self-chrF: how alike texts are, each scored by {@link chrF} against all the others.
 *
 *     selfChrf = (1 / n) sum_i max over j != i of chrF(i, j);   pairwise = mean over i != j
 *
 * Quadratic in the texts. Unit: none. Range: [0, 1]; higher is less diverse. Misleads across set sizes: the
 * best of more others is higher, while `pairwise` stays; even unrelated texts of one language share short n-grams.
 *
 * @param texts - `[n]`, `n >= 2`.
 * @returns The mean, each text's score, and the mean over pairs.
 * @throws RangeError if there are fewer than two texts; TypeError if one is not a string.
 * @see Popovic 2015, https://aclanthology.org/W15-3049
 *
 * @example
 * ```ts
 * selfChrf(['abc', 'abc', 'xyz']); // => { mean: 0.666667, perSample: [1, 1, 0], pairwise: 0.333333 }
 * ```
 */
export function selfChrf(texts: readonly string[]): SelfSimilarity {
  checkCount('selfChrf', 'texts', texts.length, 2);
  const scores = pairScores('selfChrf', texts);
  let sum = 0;
  const best = texts.map((_, i) => {
    let largest = 0;
    for (let j = 0; j < texts.length; j++) {
      if (i === j) continue;
      const score = scores(i, j);
      largest = Math.max(largest, score);
      sum += score;
    }
    return largest;
  });
  return selfSimilarity(best, sum);
}

/** From the numbers of candidate and reference to their score; quick for one candidate after the other. */
function pairScores(
  where: string,
  texts: readonly string[],
): (candidate: number, reference: number) => number {
  const characters = texts.map((text, i) => {
    if (typeof text !== 'string') {
      throw new TypeError(`${where}: texts[${i}] is ${typeof text}, expected a string`);
    }
    return splitCharacters(text);
  });
  const corpus = numberTokens(characters);
  const orders: NgramOrder[] = [corpus];
  for (let n = 2; n <= ORDERS; n++) orders.push(extendNgrams(corpus, orders.at(-1)!.ids, n));
  const counts = orders.map(({ size }) => new Int32Array(size));
  const { starts } = corpus;
  const add = (text: number, by: number): void =>
    orders.forEach(({ ids }, k) => {
      for (let t = starts[text]!, end = starts[text + 1]! - k; t < end; t++)
        counts[k]![ids[t]!]! += by;
    });
  let counted = -1;
  return (candidate, reference) => {
    if (counted !== candidate) {
      if (counted >= 0) add(counted, -1);
      add(candidate, 1);
      counted = candidate;
    }
    let [precision, recall, used] = [0, 0, 0];
    for (let k = 0; k < ORDERS; k++) {
      const ours = starts[candidate + 1]! - starts[candidate]! - k;
      const theirs = starts[reference + 1]! - starts[reference]! - k;
      if (ours < 1 || theirs < 1) break;
      const ids = orders[k]!.ids;
      const left = counts[k]!;
      const start = starts[reference]!;
      let matches = 0;
      // Each of the reference's n-grams uses up one of the candidate's, and gives it back after.
      for (let t = start; t < start + theirs; t++) if (left[ids[t]!]!-- > 0) matches++;
      for (let t = start; t < start + theirs; t++) left[ids[t]!]!++;
      precision += matches / ours;
      recall += matches / theirs;
      used++;
    }
    if (precision === 0) return 0;
    return (5 * precision * recall) / used / (4 * precision + recall);
  };
}
