import { nextIndex, nextUniform } from './uniform.js';

/** Lloyd's rounds from k-means++ centres: the cluster of each point. */
export function kMeans(
  points: readonly Float64Array[],
  clusters: number,
  rounds: number,
  uniform: () => number,
): Int32Array {
  const distance = (a: Float64Array, b: Float64Array): number => {
    let sum = 0;
    for (let d = 0; d < a.length; d++) sum += (a[d]! - b[d]!) ** 2;
    return sum;
  };
  const centres = [points[nextIndex('mauve', uniform, points.length)]!.slice()];
  const nearest = new Float64Array(points.length).fill(Infinity);
  while (centres.length < clusters) {
    let total = 0;
    points.forEach((point, i) => {
      nearest[i] = Math.min(nearest[i]!, distance(point, centres.at(-1)!));
      total += nearest[i]!;
    });
    let left = nextUniform('mauve', uniform) * total;
    const chosen = nearest.findIndex((share) => (left -= share) < 0);
    centres.push(points[Math.max(0, chosen)]!.slice());
  }
  const labels = new Int32Array(points.length).fill(-1);
  for (let round = 0; round < rounds; round++) {
    let changed = false;
    points.forEach((point, i) => {
      let [best, at] = [Infinity, 0];
      centres.forEach((centre, k) => {
        const d = distance(point, centre);
        if (d < best) [best, at] = [d, k];
      });
      if (labels[i] !== at) changed = true;
      labels[i] = at;
    });
    if (!changed) break;
    centres.forEach((centre, k) => {
      const members = points.filter((_, i) => labels[i] === k);
      // A centre that lost all its points stays where it was.
      if (members.length === 0) return;
      centre.fill(0);
      for (const point of members) point.forEach((x, d) => (centre[d]! += x / members.length));
    });
  }
  return labels;
}
