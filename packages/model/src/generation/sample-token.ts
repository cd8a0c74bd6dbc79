import { sampleIndex } from '@cfrl/engine';

import { type LogitsProcessor, type Written, largest, weightsOf } from './processors/processor.js';

export interface Sampling {
  /** Whether the most probable token is taken. */
  readonly greedy: boolean;
  /** In the order in which they are applied. */
  readonly processors: readonly LogitsProcessor[];
}

export interface Sample {
  readonly token: number;
  /** Nats, under `softmax(logits)`. */
  readonly logProb: number;
  /** Nats, under the distribution that it was drawn from. */
  readonly sampledLogProb: number;
}

/** Index of the largest entry, the first of several, which must all be finite. */
function argMax(logits: Float32Array): number {
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

/** The logits after all processors, at least one of them finite. */
function processed(
  logits: Float32Array,
  processors: readonly LogitsProcessor[],
  written: Written,
): Float64Array {
  let now = new Float64Array(logits);
  for (const { name, apply } of processors) {
    now = apply(now, written) as typeof now;
    if (now.length !== logits.length) {
      throw new RangeError(
        `generate: ${name} gives ${now.length} logits, expected ${logits.length} (vocabSize)`,
      );
    }
    let left = false;
    for (let i = 0; i < now.length; i++) {
      if (!(now[i]! < Infinity)) {
        throw new RangeError(
          `generate: ${name} gives token ${i} the logit ${now[i]}, expected a finite number or -Infinity`,
        );
      }
      if (now[i]! > -Infinity) left = true;
    }
    if (!left) {
      throw new RangeError(
        `generate: ${name} leaves no token after ${written.tokens.length} tokens of a completion, expected at least one ` +
          'that may come; let the processors forbid less',
      );
    }
  }
  return now;
}

/** Draws one token by inverse CDF, in double precision; `uniform` is asked once, and not at all when greedy. */
export function sampleToken(
  logits: Float32Array,
  { greedy, processors }: Sampling,
  written: Written,
  uniform: () => number,
): Sample {
  const best = argMax(logits);
  const max = logits[best]!;
  const raw = weightsOf(logits, max);
  const logProbOf = (token: number): number => logits[token]! - max - Math.log(raw.sum);
  if (processors.length === 0) {
    const token = greedy ? best : sampleIndex(raw.weights, uniform());
    const logProb = logProbOf(token);
    return { token, logProb, sampledLogProb: greedy ? 0 : logProb };
  }
  const final = processed(logits, processors, written);
  const top = largest(final);
  if (greedy) {
    const token = final.indexOf(top);
    return { token, logProb: logProbOf(token), sampledLogProb: 0 };
  }
  const { weights, sum } = weightsOf(final, top);
  const token = sampleIndex(weights, uniform());
  const sampledLogProb = final[token]! - top - Math.log(sum);
  return { token, logProb: logProbOf(token), sampledLogProb };
}
