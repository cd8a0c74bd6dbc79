import type { Rng } from '@cfrl/engine';

import type { Tokenizer } from '../tokenizer/types.js';
import type { Completion, FinishReason, SampledToken } from './completion.js';
import { CHUNK, type Drawn } from './decoding.js';
import type { GenerationPlan } from './options.js';
import { sampleToken } from './sample-token.js';

/** A completion that is being written. */
export interface Writing {
  readonly index: number;
  readonly source: Rng;
  readonly tokens: number[];
  readonly logProbs: number[];
  /** Its row in the current decoding. */
  row: number;
  finishReason?: FinishReason;
}

/** Writes a token down, and what becomes of the completion. */
function write(
  each: Writing,
  { token, logProb }: { token: number; logProb: number },
  { stopTokens, maxNewTokens }: GenerationPlan,
): SampledToken {
  each.tokens.push(token);
  each.logProbs.push(logProb);
  if (stopTokens.has(token)) each.finishReason = 'stop';
  else if (each.tokens.length === maxNewTokens) each.finishReason = 'length';
  const sampled = { completion: each.index, token, logProb };
  return each.finishReason ? { ...sampled, finishReason: each.finishReason } : sampled;
}

/** Draws one token for each of the completions, and writes it down. */
export function drawColumn(
  writing: readonly Writing[],
  logits: Float32Array,
  plan: GenerationPlan,
  vocabSize: number,
): SampledToken[] {
  return writing.map((each) => {
    const row = logits.subarray(each.row * vocabSize, (each.row + 1) * vocabSize);
    return write(
      each,
      sampleToken(row, plan.sampling, () => each.source.next()),
      plan,
    );
  });
}

/** Writes one column of a chunk down. */
export function takeColumn(
  writing: readonly Writing[],
  { tokens, logProbs }: Pick<Drawn, 'tokens' | 'logProbs'>,
  column: number,
  plan: GenerationPlan,
): SampledToken[] {
  return writing.map((each) => {
    const at = each.row * CHUNK + column;
    const [token, logProb] = [tokens[at]!, logProbs[at]!];
    if (!Number.isFinite(logProb)) {
      throw new RangeError(
        `generate: the log-probability of token ${token} is ${logProb}, expected a finite number; the model has diverged`,
      );
    }
    return write(each, { token, logProb }, plan);
  });
}

/**
 * Which rows the next step has: for each, the row that it continues. Prompts are copied for their groups once; later,
 * finished rows stay, and read a token that is ignored, until at most half of the rows are needed: so only a
 * few numbers of rows come about, and with them a few graphs.
 */
function nextRows(rows: number, active: readonly Writing[], completions: number): number[] {
  const needed = active.map(({ row }) => row);
  const copied = new Set(needed).size < needed.length;
  if (!copied && needed.length * 2 > rows) return Array.from({ length: rows }, (_, row) => row);
  const count = copied ? completions : 2 ** Math.ceil(Math.log2(needed.length));
  return Array.from({ length: count }, (_, i) => needed[i] ?? needed[0]!);
}

/** Puts the completions into the rows of the next step, and says which rows those continue and what they read. */
export function arrange(
  rows: number,
  active: readonly Writing[],
  completions: number,
): { from: number[]; tokens: number[] } {
  const from = nextRows(rows, active, completions);
  const stays = from.length === rows && from.every((row, i) => row === i);
  const tokens = new Array<number>(from.length).fill(0);
  active.forEach((each, i) => {
    if (!stays) each.row = i;
    tokens[each.row] = each.tokens.at(-1)!;
  });
  return { from, tokens };
}

/** The numbers that decide the next tokens: each completion's from its own stream. */
export function uniformsOf(rows: number, active: readonly Writing[], count: number): Float32Array {
  const uniforms = new Float32Array(rows * CHUNK);
  for (const { row, source } of active) {
    for (let i = 0; i < count; i++) uniforms[row * CHUNK + i] = source.next();
  }
  return uniforms;
}

/** The completion that has been written. */
export const complete = (
  { tokens, logProbs, finishReason }: Writing,
  prompt: GenerationPlan['prompts'][number],
  tokenizer: Tokenizer,
): Completion => ({
  prompt: prompt.text,
  promptTokens: [...prompt.tokens],
  text: tokenizer.decode(finishReason === 'stop' ? tokens.slice(0, -1) : tokens),
  tokens,
  logProbs,
  finishReason: finishReason!,
});
