import { type Rng, yieldToEventLoop } from '@cfrl/engine';

import type { Tokenizer } from '../tokenizer/types.js';
import type { Completion, FinishReason, SampledToken } from './completion.js';
import type { Constraint } from './constraint/constraint.js';
import { CHUNK, type Drawn, type NextRows } from './decoding.js';
import type { GenerationPlan } from './options.js';
import { type LogitsProcessor, keep } from './processors/processor.js';
import { type Sample, sampleToken } from './sample-token.js';
import type { TextStream } from './text-stream.js';

/** A completion that is being written. */
export interface Writing {
  readonly index: number;
  readonly source: Rng;
  readonly prompt: GenerationPlan['prompts'][number];
  readonly tokens: number[];
  readonly logProbs: number[];
  readonly sampledLogProbs: number[];
  /** One a token, if they are asked for. */
  readonly features: Float32Array[];
  /** Its text as it becomes certain, if somebody wants to know before the end. */
  readonly text?: { readonly stream: TextStream; readonly pieces: string[] };
  /** Of the constraint. */
  state: number;
  /** Its row in the current decoding. */
  row: number;
  finishReason?: FinishReason;
}

/** Writes a token down, and what becomes of the completion. */
function write(
  each: Writing,
  { token, logProb, sampledLogProb }: Sample,
  { stopTokens, maxNewTokens, minNewTokens, constraint }: GenerationPlan,
): SampledToken {
  each.tokens.push(token);
  each.logProbs.push(logProb);
  each.sampledLogProbs.push(sampledLogProb);
  const count = each.tokens.length;
  let text = '';
  if (stopTokens.has(token)) each.finishReason = 'stop';
  else {
    const pushed = each.text?.stream.push(token, count >= minNewTokens);
    text = pushed?.text ?? '';
    if (pushed?.stopped) each.finishReason = 'stop';
    if (constraint) {
      const { accepts, after } = constraint;
      each.state = after(each.state)[token]!;
      const isEnd = accepts(each.state) && after(each.state).every((next) => next < 0);
      if (isEnd) each.finishReason = 'stop';
    }
  }
  if (count === maxNewTokens) each.finishReason ??= 'length';
  if (each.finishReason && each.text) text += each.text.stream.end();
  each.text?.pieces.push(text);
  const sampled = { completion: each.index, token, text, logProb, sampledLogProb };
  return each.finishReason ? { ...sampled, finishReason: each.finishReason } : sampled;
}

/** The constraint where a completion stands: a stop token may come where the text may end. */
function constrained(
  { after, accepts }: Constraint,
  state: number,
  stopTokens: ReadonlySet<number>,
): LogitsProcessor {
  const next = after(state);
  const mayEnd = accepts(state);
  return {
    name: 'constraint',
    apply: (logits) =>
      keep(logits, (token) => (stopTokens.has(token) ? mayEnd : next[token]! >= 0)),
  };
}

const rowOf = (all: Float32Array, row: number, size: number): Float32Array =>
  all.subarray(row * size, (row + 1) * size);

/** Draws one token for each of the completions, and writes it down. Of a large vocabulary that takes milliseconds each. */
export async function drawColumn(
  writing: readonly Writing[],
  { logits, features }: { readonly logits: Float32Array; readonly features?: Float32Array },
  plan: GenerationPlan,
  { vocabSize, hiddenSize }: { readonly vocabSize: number; readonly hiddenSize: number },
  signal?: AbortSignal,
): Promise<SampledToken[]> {
  const { constraint, sampling, stopTokens } = plan;
  const column: SampledToken[] = [];
  for (const each of writing) {
    await yieldToEventLoop(signal);
    const processors =
      constraint === undefined
        ? sampling.processors
        : [constrained(constraint, each.state, stopTokens), ...sampling.processors];
    const written = { prompt: each.prompt.tokens, tokens: each.tokens };
    const sample = sampleToken(
      rowOf(logits, each.row, vocabSize),
      { ...sampling, processors },
      written,
      () => each.source.next(),
    );
    if (features) each.features.push(rowOf(features, each.row, hiddenSize).slice());
    column.push(write(each, sample, plan));
  }
  return column;
}

/** Writes one column of a chunk down. */
export function takeColumn(
  writing: readonly Writing[],
  { tokens, logProbs, sampledLogProbs, features }: Drawn,
  column: number,
  plan: GenerationPlan,
  hiddenSize: number,
): SampledToken[] {
  return writing.map((each) => {
    const at = each.row * CHUNK + column;
    const [token, logProb, sampledLogProb] = [tokens[at]!, logProbs[at]!, sampledLogProbs[at]!];
    if (!Number.isFinite(logProb)) {
      throw new RangeError(
        `generate: the log-probability of token ${token} is ${logProb}, expected a finite number; the model has diverged`,
      );
    }
    if (features) each.features.push(rowOf(features, at, hiddenSize).slice());
    return write(each, { token, logProb, sampledLogProb }, plan);
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
export function arrange(rows: number, active: readonly Writing[], completions: number): NextRows {
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

export function complete(
  each: Writing,
  { stopTokens, features: wanted }: GenerationPlan,
  tokenizer: Tokenizer,
): Completion {
  const { prompt, tokens, logProbs, sampledLogProbs, features, finishReason } = each;
  const shown = stopTokens.has(tokens.at(-1)!) ? tokens.slice(0, -1) : tokens;
  return {
    prompt: prompt.text,
    promptTokens: [...prompt.tokens],
    text: each.text ? each.text.pieces.join('') : tokenizer.decode(shown),
    tokens,
    logProbs,
    sampledLogProbs,
    ...(wanted && { features }),
    finishReason: finishReason!,
  };
}
