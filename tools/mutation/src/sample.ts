import { createHash } from 'node:crypto';

/**
 * Some of many, chosen by a seed, in the order they had. Which ones does not change when others are added elsewhere in
 * the list, but for those that these push out.
 *
 * @param items - what to choose from
 * @param size - how many at most
 * @param seed - the same seed, the same choice
 * @param name - a name of an item, its own
 */
export function sampleOf<T>(
  items: readonly T[],
  size: number,
  seed: number,
  name: (item: T) => string,
): T[] {
  const ranked = items.map((item, i) => ({
    item,
    i,
    rank: createHash('sha256')
      .update(`${seed} ${name(item)}`)
      .digest('hex'),
  }));
  return ranked
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, size)
    .sort((a, b) => a.i - b.i)
    .map(({ item }) => item);
}
