const middle = (a: number, b: number, c: number): number =>
  Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));

/**
 * Where the weights of the smallest values reach a sum: what sorting would find, in linear time.
 *
 * @param values - no NaN
 * @param target - more than 0
 * @param weights - one a value, at least 0; without them each counts 1
 * @returns the value at which the sum is reached, the largest if it never is; and the weights of the smaller ones together
 */
export function select(
  values: Float64Array,
  target: number,
  weights?: Float64Array,
): { threshold: number; before: number } {
  const indices = new Int32Array(values.length);
  for (let i = 0; i < indices.length; i++) indices[i] = i;
  let [low, high] = [0, indices.length];
  let before = 0;
  for (;;) {
    const at = (position: number): number => values[indices[position]!]!;
    const pivot = middle(at(low), at((low + high) >> 1), at(high - 1));
    // Three parts: smaller than the pivot in [low, less), equal in [less, more), larger in [more, high).
    let less = low;
    let more = high;
    let weightLess = 0;
    let weightEqual = 0;
    for (let next = low; next < more;) {
      const index = indices[next]!;
      const value = values[index]!;
      if (value > pivot) {
        indices[next] = indices[--more]!;
        indices[more] = index;
        continue;
      }
      const weight = weights === undefined ? 1 : weights[index]!;
      if (value < pivot) {
        indices[next] = indices[less]!;
        indices[less++] = index;
        weightLess += weight;
      } else weightEqual += weight;
      next++;
    }
    if (before + weightLess >= target) high = less;
    else if (before + weightLess + weightEqual >= target || more === high) {
      return { threshold: pivot, before: before + weightLess };
    } else {
      before += weightLess + weightEqual;
      low = more;
    }
  }
}
