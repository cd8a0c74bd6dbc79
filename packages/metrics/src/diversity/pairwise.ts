import { commonSubsequence, forget, levenshtein, positionsOf } from './bit-parallel.js';
import type { Positions } from './bit-parallel.js';
import { checkCount, checkInteger, checkOptions } from '../check.js';
import { ngramsOf, numberTokens } from '../tokenization/n-grams.js';
import { rougeTokens } from '../tokenization/tokenizers.js';
import type { Text, Tokenize, TokenizeOptions } from '../tokenization/tokens.js';
import { splitAtWhitespace, toTokenLists } from '../tokenization/tokens.js';

/** What {@link selfRougeL} and {@link selfChrf} return. */
export interface SelfSimilarity {
  /** Mean of `perSample`. */
  readonly mean: number;
  /** `[n]`: each text's score against the one of the others that it is most like. */
  readonly perSample: readonly number[];
  /** Mean over all ordered pairs of different texts. */
  readonly pairwise: number;
}

/**
 * Edit distance: the fewest insertions, deletions and substitutions of tokens that make one text the other.
 *
 *     d(a, b) = Levenshtein distance of token lists
 *
 * Unit: tokens. Range: [0, max(|a|, |b|)]. For characters pass `{ tokenize: splitCharacters }`. Misleads
 * on moved blocks, which cost twice their length.
 *
 * @param a - A string or its tokens.
 * @param b - Another one.
 * @returns The distance.
 * @throws RangeError if a token is not a string or a finite number; TypeError if a text is neither a string nor
 *   a list.
 * @see Levenshtein 1966; computed as Myers 1999, https://doi.org/10.1145/316542.316550
 *
 * @example
 * ```ts
 * editDistance('so it is 12', 'so is 13'); // => 2
 * ```
 */
export function editDistance(a: Text, b: Text, options: TokenizeOptions = {}): number {
  const { tokenize = splitAtWhitespace } = checkOptions('editDistance', options, ['tokenize']);
  return onePair(levenshtein, toTokenLists('editDistance', 'texts', [a, b], tokenize));
}

/**
 * Edit diversity: mean edit distance of all pairs, each as a share of the longer text.
 *
 *     editDiversity = mean over pairs i < j of d(i, j) / max(|i|, |j|)
 *
 * Quadratic in the texts. Unit: none. Range: [0, 1]; 0 when all are equal. Misleads on paraphrases, which
 * count as different, and on very unequal lengths, which count as diverse.
 *
 * @param texts - `[n]`, `n >= 2`: strings or token lists.
 * @returns The mean.
 * @throws RangeError if there are fewer than two texts, or a token is not a string or a finite number;
 *   TypeError if a text is neither a string nor a list.
 * @see Levenshtein 1966; as a diversity: Alihosseini et al. 2019, https://aclanthology.org/W19-2311
 *
 * @example
 * ```ts
 * editDiversity(['a b', 'a c', 'a b']); // => 0.333333
 * ```
 */
export function editDiversity(texts: readonly Text[], options: TokenizeOptions = {}): number {
  const { tokenize = splitAtWhitespace } = checkOptions('editDiversity', options, ['tokenize']);
  const lists = atLeastTwo('editDiversity', texts, tokenize);
  let sum = 0;
  forEachPair(lists, levenshtein, (distance, a, b) => {
    sum += distance === 0 ? 0 : distance / Math.max(a, b);
  });
  return sum / ((lists.length * (lists.length - 1)) / 2);
}

/**
 * Jaccard diversity: one less the mean overlap of the pairs' sets of n-grams.
 *
 *     jaccardDiversity = 1 - mean over pairs i < j of |S_i and S_j| / |S_i or S_j|
 *
 * Quadratic in the texts. Unit: none. Range: [0, 1]; two texts without n-grams count as equal. Misleads in that
 * order and repetition beyond n tokens do not matter.
 *
 * @param texts - `[n]`, `n >= 2`: strings or token lists.
 * @param n - Length of the n-grams, tokens.
 * @returns The diversity.
 * @throws RangeError if there are fewer than two texts, `n` is not a positive integer, or a token is not a string
 *   or a finite number; TypeError if a text is neither a string nor a list.
 * @see Jaccard 1912, https://doi.org/10.1111/j.1469-8137.1912.tb05611.x
 *
 * @example
 * ```ts
 * jaccardDiversity(['a b c', 'a b d'], 1); // => 0.5
 * ```
 */
export function jaccardDiversity(
  texts: readonly Text[],
  n: number,
  options: TokenizeOptions = {},
): number {
  const { tokenize = splitAtWhitespace } = checkOptions('jaccardDiversity', options, ['tokenize']);
  checkInteger('jaccardDiversity', 'n', n, 1);
  const lists = atLeastTwo('jaccardDiversity', texts, tokenize);
  const corpus = numberTokens(lists);
  const { ids, size } = ngramsOf(corpus, n);
  const sets = lists.map((_, i) =>
    Int32Array.from(new Set(ids.subarray(corpus.starts[i]!, corpus.starts[i + 1]!))).filter(
      (id) => id >= 0,
    ),
  );
  // Which text an n-gram was last marked for, plus 1.
  const marks = new Int32Array(size);
  let similarity = 0;
  sets.forEach((set, i) => {
    for (const id of set) marks[id] = i + 1;
    for (let j = 0; j < i; j++) {
      let both = 0;
      for (const id of sets[j]!) if (marks[id] === i + 1) both++;
      const either = set.length + sets[j]!.length - both;
      similarity += either === 0 ? 1 : both / either;
    }
  });
  return Math.max(0, 1 - similarity / ((sets.length * (sets.length - 1)) / 2));
}

/**
 * ROUGE-L of a candidate against a reference: their longest common subsequence, as an F1.
 *
 *     F = 2 P R / (P + R),   P = LCS / |candidate|,   R = LCS / |reference|
 *
 * Unit: none. Range: [0, 1]; symmetric. Tokens default to {@link rougeTokens}, as in rouge-score without
 * stemming. Misleads as a judge of facts: one word can turn the sense.
 *
 * @param candidate - A string or its tokens.
 * @param reference - Another one.
 * @returns The F1.
 * @throws RangeError if a token is not a string or a finite number; TypeError if a text is neither a string nor
 *   a list.
 * @see Lin 2004, section 3, https://aclanthology.org/W04-1013
 *
 * @example
 * ```ts
 * rougeL('the cat sat', 'The cat ran, and sat.'); // => 0.75
 * ```
 */
export function rougeL(candidate: Text, reference: Text, options: TokenizeOptions = {}): number {
  const { tokenize = rougeTokens } = checkOptions('rougeL', options, ['tokenize']);
  const lists = toTokenLists('rougeL', 'texts', [candidate, reference], tokenize);
  return fMeasure(onePair(commonSubsequence, lists), lists[0]!.length, lists[1]!.length);
}

/**
 * Self-ROUGE-L: how alike texts are, each scored by {@link rougeL} against the one that it is most like.
 *
 *     selfRougeL = (1 / n) sum_i max over j != i of ROUGE-L(i, j);   pairwise = mean over i != j
 *
 * Quadratic in the texts. Unit: none. Range: [0, 1]; higher is less diverse. Misleads across set sizes: the
 * best of more others is higher, while `pairwise` stays.
 *
 * @param texts - `[n]`, `n >= 2`: strings or token lists.
 * @returns The mean, each text's score, and the mean over pairs.
 * @throws RangeError if there are fewer than two texts, or a token is not a string or a finite number;
 *   TypeError if a text is neither a string nor a list.
 * @see Lin 2004, section 3 (several references: the best), https://aclanthology.org/W04-1013
 *
 * @example
 * ```ts
 * selfRougeL(['a b c', 'a b c', 'x b y z']); // => { mean: 0.761905, perSample: [1, 1, 0.285714], pairwise: 0.52381 }
 * ```
 */
export function selfRougeL(texts: readonly Text[], options: TokenizeOptions = {}): SelfSimilarity {
  const { tokenize = rougeTokens } = checkOptions('selfRougeL', options, ['tokenize']);
  const lists = atLeastTwo('selfRougeL', texts, tokenize);
  const best = new Array<number>(lists.length).fill(0);
  let sum = 0;
  forEachPair(lists, commonSubsequence, (common, a, b, i, j) => {
    const score = fMeasure(common, a, b);
    best[i] = Math.max(best[i]!, score);
    best[j] = Math.max(best[j]!, score);
    sum += 2 * score;
  });
  return selfSimilarity(best, sum);
}

/** From the best scores and the sum over ordered pairs. */
export function selfSimilarity(perSample: readonly number[], sum: number): SelfSimilarity {
  const n = perSample.length;
  const mean = perSample.reduce((total, score) => total + score, 0) / n;
  return { mean, perSample, pairwise: sum / (n * (n - 1)) };
}

type PairFunction = (positions: Positions, other: Int32Array) => number;

function fMeasure(common: number, a: number, b: number): number {
  return common === 0 ? 0 : (2 * common) / (a + b);
}

function atLeastTwo(
  where: string,
  texts: readonly Text[],
  tokenize: Tokenize,
): readonly ArrayLike<string | number>[] {
  const lists = toTokenLists(where, 'texts', texts, tokenize);
  checkCount(where, 'texts', lists.length, 2);
  return lists;
}

function onePair(f: PairFunction, lists: readonly ArrayLike<string | number>[]): number {
  let value = 0;
  forEachPair(lists, f, (result) => (value = result));
  return value;
}

/** Calls `visit(f(i, j), length of i, length of j, i, j)` for each pair `j < i`. */
function forEachPair(
  lists: readonly ArrayLike<string | number>[],
  f: PairFunction,
  visit: (value: number, a: number, b: number, i: number, j: number) => void,
): void {
  const { ids, starts, size } = numberTokens(lists);
  const rows = new Int32Array(size).fill(-1);
  const texts = lists.map((_, i) => ids.subarray(starts[i]!, starts[i + 1]!));
  texts.forEach((text, i) => {
    const positions = positionsOf(text, rows);
    for (let j = 0; j < i; j++) {
      visit(f(positions, texts[j]!), text.length, texts[j]!.length, i, j);
    }
    forget(text, rows);
  });
}
