import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { fold, rng } from '@cfrl/engine';
import { distinctN, ngramEntropy, selfBleu, tokenEntropies } from '@cfrl/metrics';

import { type Program, jobOf } from './job.js';

/** Tokens as language has them: the k-th most frequent about `1 / k` as often as the first. */
const zipfTexts = (seed: number, texts: number, length: number, vocabulary: number): Int32Array[] =>
  Array.from({ length: texts }, (_, i) => {
    const source = rng(fold(seed, 'text', i));
    return Int32Array.from({ length }, () => Math.floor(vocabulary ** source.next()) - 1);
  });

/** Self-BLEU of words, as everybody's code has them: lists of strings. */
export const prepareSelfBleu: Program = ({ texts }) => {
  const words = zipfTexts(4, texts as number, 64, 5000).map((text) => Array.from(text, String));
  const compared = 2;
  return jobOf(
    () => selfBleu(words),
    ({ perSample }) => ({
      check: { scores: perSample.slice(0, compared) },
      handoff: { texts: words, compared },
    }),
  );
};

const sumOf = (texts: readonly Int32Array[]): number => {
  let sum = 0;
  for (const text of texts) for (let t = 0; t < text.length; t++) sum += text[t]!;
  return sum;
};

/** A function of 4.1 million tokens in 64,000 arrays; the check says that all saw the same tokens. */
const overTokens =
  (work: (texts: readonly Int32Array[]) => unknown): Program =>
  () => {
    const texts = zipfTexts(5, 64_000, 64, 50_000);
    return jobOf(
      () => work(texts),
      () => ({ check: { sum: [sumOf(texts)] } }),
    );
  };

export const tokenPrograms: Readonly<Record<string, Program>> = {
  'distinct-1': overTokens((texts) => distinctN(texts, 1)),
  'distinct-2': overTokens((texts) => distinctN(texts, 2)),
  'ngram-entropy': overTokens((texts) => ngramEntropy(texts, 1)),
  'bare-loop': overTokens(sumOf),
};

/** Entropy at every position from logits in float32: 64 completions of 32 tokens. */
export const prepareLogitEntropy: Program = async (_, folder) => {
  const [rows, vocabulary] = [64 * 32, 50_000];
  const source = rng(fold(6, 'logits'));
  // One row of normal draws, shifted from position to position: as good as 100 million draws, and quicker made.
  const noise = Float32Array.from(
    { length: 2 * vocabulary },
    () => 3 * Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next()),
  );
  const scores = new Float32Array(rows * vocabulary);
  for (let row = 0; row < rows; row++) {
    const start = (row * 7919) % vocabulary;
    scores.set(noise.subarray(start, start + vocabulary), row * vocabulary);
  }
  const file = join(folder, 'logits.f32');
  await writeFile(file, scores);
  return jobOf(
    () => tokenEntropies(scores, vocabulary),
    (values) => ({
      check: { entropies: Array.from(values) },
      handoff: { file, rows, vocabulary },
    }),
  );
};
