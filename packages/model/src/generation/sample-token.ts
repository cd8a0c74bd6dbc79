import { sampleIndex } from '@cfrl/engine';

import type { SamplingOptions } from './options.js';

/** Index of the largest entry, the first of several, which must all be finite. */
function argMax(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 0; i < logits.length; i++) {
    if (!Number.isFinite(logits[i]!)) {
      throw new RangeError(
        `generate: logit of token ${i} is ${logits[i]}, expected a finite number; the model has diverged`,
      );
    }
    if (logits[i]! > logits[best]!) best = i;
  }
  return best;
}

/** Zeroes all but the `k` largest weights; ties with the smallest of them stay. */
function keepTopK(weights: Float64Array, k: number): void {
  if (k >= weights.length) return;
  const threshold = Float64Array.from(weights).sort()[weights.length - k]!;
  weights.forEach((weight, i) => {
    if (weight < threshold) weights[i] = 0;
  });
}

/** Zeroes all but the largest weights that together reach the share `p` of the sum. */
function keepTopP(weights: Float64Array, p: number): void {
  if (p >= 1) return;
  const order = Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const target = p * weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  for (const index of order) {
    const weight = weights[index]!;
    if (before >= target) weights[index] = 0;
    before += weight;
  }
}

/**
 * Draws one token by inverse CDF, in double precision; the order is temperature, top-k, top-p.
 *
 * @param logits - `[V]`
 * @param uniform - gives a number in [0, 1); asked once, and not at all for temperature 0
 * @returns the token, and its log-probability under `softmax(logits)`, whatever the sampling options
 */
export function sampleToken(
  logits: ArrayLike<number>,
  { temperature, topK, topP }: SamplingOptions,
  uniform: () => number,
): { token: number; logProb: number } {
  const best = argMax(logits);
  const max = logits[best]!;
  const weights = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] = Math.exp(logits[i]! - max);

  let token = best;
  if (temperature > 0) {
    for (let i = 0; temperature !== 1 && i < weights.length; i++) {
      weights[i] = Math.exp((logits[i]! - max) / temperature);
    }
    keepTopK(weights, topK);
    keepTopP(weights, topP);
    token = sampleIndex(weights, uniform());
  }
  return { token, logProb: logits[token]! - max - Math.log(sum) };
}
