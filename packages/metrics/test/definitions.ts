import type { NgramPrecision, Smoothing, Token } from '@cfrl/metrics';

/** Counts of the n-grams of a token list, by spelling each of them out. */
export function countNgrams(tokens: readonly Token[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let t = 0; t + n <= tokens.length; t++) {
    const gram = JSON.stringify(tokens.slice(t, t + n));
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** Sentence BLEU as the papers write it down: every reference is looked at for every n-gram. */
export function bleuByDefinition(
  candidate: readonly Token[],
  references: readonly (readonly Token[])[],
  weights: readonly number[],
  smoothing: Smoothing,
): number {
  const precisions: NgramPrecision[] = weights.map((_, i) => {
    let matches = 0;
    let total = 0;
    for (const [gram, count] of countNgrams(candidate, i + 1)) {
      const inReferences = references.map(
        (reference) => countNgrams(reference, i + 1).get(gram) ?? 0,
      );
      matches += Math.min(count, Math.max(...inReferences));
      total += count;
    }
    return { matches, total: Math.max(1, total) };
  });
  if (precisions[0]!.matches === 0) return 0;
  const distance = Math.min(...references.map((r) => Math.abs(r.length - candidate.length)));
  const closest = Math.min(
    ...references.map((r) => r.length).filter((l) => Math.abs(l - candidate.length) === distance),
  );
  const brevity = candidate.length > closest ? 1 : Math.exp(1 - closest / candidate.length);
  return smoothing(precisions).reduce((product, p, i) => product * p ** weights[i]!, brevity);
}
