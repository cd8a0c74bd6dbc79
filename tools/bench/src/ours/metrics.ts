import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { fold, rng } from '@cfrl/engine';
import { distinctN, ngramEntropy, selfBleu, tokenEntropies } from '@cfrl/metrics';

import { logits, manyTokens, selfBleuTexts } from '../work/work.js';
import { type Job, type PrepareJob, timed } from './job.js';

/** Tokens as language has them: the k-th most frequent about `1 / k` as often as the first. */
function zipfTexts(seed: number, texts: number, length: number, vocabulary: number): Int32Array[] {
  return Array.from({ length: texts }, (_, i) => {
    const source = rng(fold(seed, 'text', i));
    return Int32Array.from({ length }, () => Math.floor(vocabulary ** source.next()) - 1);
  });
}

/** A job that is one synchronous function of what is there already. */
async function jobOf(
  work: () => unknown,
  check: () => Record<string, number[]>,
  handoff: Job['handoff'] = null,
): Promise<Job> {
  const { ms } = await timed(async () => work());
  return {
    check: check(),
    firstMs: ms,
    handoff,
    iterate: async () => void work(),
    release: async () => undefined,
  };
}

/** Self-BLEU of words, as everybody's code has them: lists of strings. */
export const prepareSelfBleu: PrepareJob = async () => {
  const { seed, texts, length, vocabulary, compared } = selfBleuTexts;
  const words = zipfTexts(seed, texts, length, vocabulary).map((text) => Array.from(text, String));
  return jobOf(
    () => selfBleu(words),
    () => ({ scores: selfBleu(words).perSample.slice(0, compared) }),
    { texts: words, compared },
  );
};

const large = (): Int32Array[] => {
  const { seed, texts, length, vocabulary } = manyTokens;
  return zipfTexts(seed, texts, length, vocabulary);
};

const sumOf = (texts: readonly Int32Array[]): number => {
  let sum = 0;
  for (const text of texts) for (let t = 0; t < text.length; t++) sum += text[t]!;
  return sum;
};

/** What a loop over the tokens takes that does nothing but add them up; the checks say that all saw the same tokens. */
const overTokens =
  (work: (texts: readonly Int32Array[]) => unknown): PrepareJob =>
  async () => {
    const texts = large();
    return jobOf(
      () => work(texts),
      () => ({ sum: [sumOf(texts)] }),
    );
  };

export const prepareDistinct1 = overTokens((texts) => distinctN(texts, 1));
export const prepareDistinct2 = overTokens((texts) => distinctN(texts, 2));
export const prepareNgramEntropy = overTokens((texts) => ngramEntropy(texts, 1));
export const prepareBareLoop = overTokens(sumOf);

/** Entropy at every position from logits in float32. */
export const prepareLogitEntropy: PrepareJob = async ({ folder }) => {
  const { rows, vocabulary, seed } = logits;
  const source = rng(fold(seed, 'logits'));
  // One row of normal draws, shifted from position to position: as good as 100 million draws, and quicker made.
  const noise = Float32Array.from(
    { length: 2 * vocabulary },
    () => 3 * Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next()),
  );
  const values = new Float32Array(rows * vocabulary);
  for (let row = 0; row < rows; row++) {
    const start = (row * 7919) % vocabulary;
    values.set(noise.subarray(start, start + vocabulary), row * vocabulary);
  }
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'logits.f32');
  await writeFile(file, values);
  return jobOf(
    () => tokenEntropies(values, vocabulary),
    () => ({ entropies: Array.from(tokenEntropies(values, vocabulary)) }),
    { file, rows, vocabulary },
  );
};
