import { checkCount } from '../check.js';
import { extendNgrams, type NgramOrder, numberTokens } from '../tokenization/n-grams.js';
import { splitAtWhitespace, type Text, toTokenLists } from '../tokenization/tokens.js';
import { type BleuOptions, scoreBleu, weightsOf } from './bleu-score.js';
import { smoothingMethod1 } from './smoothing.js';

/** What {@link selfBleu} returns. */
export interface SelfBleu {
  /** Mean over the texts: the self-BLEU. */
  readonly mean: number;
  /** `[n]`: BLEU of each text against all the others, in the order given. */
  readonly perSample: readonly number[];
}

/**
 * Self-BLEU: how alike a set of texts is, each scored by {@link bleu} against all the others.
 *
 *     selfBleu = (1 / n) sum_i BLEU(text[i], all texts but i)
 *
 * Unit: none. Range: [0, 1]; higher is less diverse. Exact, in time and memory linear in the tokens. Defaults
 * are those of Texygen's code (uniform weights, smoothing method 1), but for n-grams up to 4 where it takes 3,
 * and whitespace tokens where it takes NLTK's. Misleads across set sizes, since more references can only raise
 * it: compare equal n; across lengths and tokenizers; on texts shorter than maxN, which score low even if
 * equal; and as meaning: a paraphrase counts as diversity.
 *
 * @param texts - `[n]`, `n >= 2`: strings or token lists.
 * @throws As {@link bleu}, and RangeError if there are fewer than two texts.
 * @see Zhu et al. 2018 (Texygen), https://arxiv.org/abs/1802.01886
 *
 * @example
 * ```ts
 * selfBleu(['a b c d', 'a b c d', 'e f g h']); // => { mean: 0.666667, perSample: [1, 1, 0] }
 * ```
 */
export function selfBleu(
  texts: readonly Text[],
  {
    maxN = 4,
    weights: given,
    smoothing = smoothingMethod1,
    tokenize = splitAtWhitespace,
  }: BleuOptions = {},
): SelfBleu {
  const weights = weightsOf('selfBleu', maxN, given);
  const tokens = toTokenLists('selfBleu', 'texts', texts, tokenize);
  checkCount('selfBleu', 'texts', tokens.length, 2);
  const corpus = numberTokens(tokens);
  const orders: Int32Array[] = [];
  let order: NgramOrder = corpus;
  for (let n = 1; n <= maxN; n++) {
    if (n > 1) order = extendNgrams(corpus, order.ids, n);
    orders.push(matchesOfOthers(order, corpus.starts));
  }
  const lengths = tokens.map((text) => text.length);
  const closest = closestOtherLengths(lengths);
  const perSample = lengths.map((length, i) =>
    scoreBleu(
      'selfBleu',
      smoothing,
      weights,
      orders.map((matches, k) => ({ matches: matches[i]!, total: Math.max(1, length - k) })),
      length,
      closest[i]!,
    ),
  );
  return { mean: perSample.reduce((sum, score) => sum + score, 0) / perSample.length, perSample };
}

/**
 * `[texts]`: how many n-grams of each text the others have, each at most as often as the one that has it most
 * often. That is the largest count of all, or the second largest for the text that owns the largest.
 *
 * An n-gram in one text only matches nowhere, and neither does any longer one that holds it: its positions are
 * set to -1 in `ids`, so that the next order skips them.
 */
function matchesOfOthers({ ids, size }: NgramOrder, starts: Int32Array): Int32Array {
  const counts = new Int32Array(size);
  const largest = new Int32Array(size);
  const second = new Int32Array(size);
  const owner = new Int32Array(size);
  const texts = starts.length - 1;
  for (let i = 0; i < texts; i++) {
    const end = starts[i + 1]!;
    for (let t = starts[i]!; t < end; t++) if (ids[t]! >= 0) counts[ids[t]!]!++;
    for (let t = starts[i]!; t < end; t++) {
      const id = ids[t]!;
      if (id < 0 || counts[id] === 0) continue;
      const count = counts[id]!;
      counts[id] = 0;
      if (count > largest[id]!) {
        second[id] = largest[id]!;
        largest[id] = count;
        owner[id] = i;
      } else if (count > second[id]!) {
        second[id] = count;
      }
    }
  }
  const matches = new Int32Array(texts);
  for (let i = 0; i < texts; i++) {
    const start = starts[i]!;
    const end = starts[i + 1]!;
    let found = 0;
    for (let t = start; t < end; t++) {
      const id = ids[t]!;
      if (id >= 0 && counts[id]!++ < (owner[id] === i ? second[id]! : largest[id]!)) found++;
    }
    for (let t = start; t < end; t++) {
      const id = ids[t]!;
      if (id < 0) continue;
      counts[id] = 0;
      if (second[id] === 0) ids[t] = -1;
    }
    matches[i] = found;
  }
  return matches;
}

/** For each text the length, among the others, closest to its own; the shorter one on a tie. */
function closestOtherLengths(lengths: readonly number[]): number[] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const closest = new Array<number>(lengths.length);
  order.forEach((text, rank) => {
    const own = lengths[text]!;
    // Sorted, so that the closest other length is the neighbour below or the one above.
    const below = lengths[order[rank - 1]!] ?? -Infinity;
    const above = lengths[order[rank + 1]!] ?? Infinity;
    closest[text] = own - below <= above - own ? below : above;
  });
  return closest;
}
