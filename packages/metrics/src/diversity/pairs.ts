import { checkCount } from '../check.js';
import { numberTokens } from '../tokenization/n-grams.js';
import { type Text, type Tokenize, toTokenLists } from '../tokenization/tokens.js';
import { forget, type Positions, positionsOf } from './bit-parallel.js';

type PairFunction = (positions: Positions, other: Int32Array) => number;

export function atLeastTwo(
  where: string,
  texts: readonly Text[],
  tokenize: Tokenize,
): readonly ArrayLike<string | number>[] {
  const lists = toTokenLists(where, 'texts', texts, tokenize);
  checkCount(where, 'texts', lists.length, 2);
  return lists;
}

export function onePair(f: PairFunction, lists: readonly ArrayLike<string | number>[]): number {
  let value = 0;
  forEachPair(lists, f, (result) => (value = result));
  return value;
}

/** Calls `visit(f(i, j), length of i, length of j, i, j)` for each pair `j < i`. */
export function forEachPair(
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
