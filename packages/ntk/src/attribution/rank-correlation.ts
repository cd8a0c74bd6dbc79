/** Ranks from 0, equal numbers sharing the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const result = new Array<number>(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to += 1;
    for (let i = from; i < to; i++) result[order[i]!] = (from + to - 1) / 2;
    from = to;
  }
  return result;
}

/** Spearman's rank correlation, in [-1, 1]; null where either side is constant, for then it is not defined. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number | null {
  const centred = (values: readonly number[]): number[] =>
    ranks(values).map((rank) => rank - (values.length - 1) / 2);
  const [x, y] = [centred(a), centred(b)];
  const dot = (p: readonly number[], q: readonly number[]): number =>
    p.reduce((sum, value, i) => sum + value * q[i]!, 0);
  const scale = Math.sqrt(dot(x, x) * dot(y, y));
  return scale === 0 ? null : dot(x, y) / scale;
}
