import {
  type Params,
  between,
  checkSameShape,
  disposeParams,
  mapParams,
  option,
  resolveOptions,
  selectParams,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkDelta } from '../check.js';
import { checkCallback, ending, groupings } from '../options.js';
import {
  type Contexts,
  type SequenceBatch,
  checkNextTokens,
  checkSequenceModel,
  resolveSequences,
  sequenceBatches,
  tokenBatch,
} from '../sequences/batches.js';
import type { Sequence, SequenceModel } from '../sequences/sequence-model.js';
import { knownParams } from '../uses/known-params.js';
import { type ChangeExplanation, type NodeSums, explanationOf, groupOf } from './explanation.js';
import { type Functional, checkFunctional } from './functional.js';
import { clenshawCurtis } from './quadrature.js';
import { type SlopeFunction, paddedTime, slopeFunction } from './slopes.js';

/** How far {@link explainChange} is. */
export interface ExplainProgress {
  /** Passes that are done, a batch at a node each. */
  readonly done: number;
  /** Passes until the next refinement is complete; more are added where it is not fine enough. */
  readonly total: number;
  /** Nodes of the refinement that is being computed. */
  readonly nodes: number;
}

/** Options of {@link explainChange}. */
export interface ExplainOptions {
  /** The layer that a parameter belongs to; `W` as the classifier is a layer of its own. @defaultValue {@link layerOfParam} */
  readonly layerOf?: (name: string) => string;
  /** The kind of a parameter. @defaultValue {@link kindOfParam} */
  readonly kindOf?: (name: string) => string;
  /**
   * Refined until the residual is this share of the measured change, and no part moves by more than this share of the largest
   * layer's.
   * @defaultValue 0.01
   */
  readonly tolerance?: number;
  /** Nodes at most; with less than the tolerance asks for, `converged` is false. @defaultValue 17 */
  readonly maxNodes?: number;
  /** Bytes that activations and logits may take at a time, about; it changes no result beyond rounding. @defaultValue 2 ** 30 */
  readonly maxBytes?: number;
  /** Called before each pass, and after the last one of a refinement. */
  readonly onProgress?: (progress: ExplainProgress) => void;
  /** Called with each refinement, so that what was computed is kept if the next one is not waited for. */
  readonly onRefinement?: (explanation: ChangeExplanation) => void;
  /** Ends the work: it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

const table = {
  ...groupings,
  tolerance: option(0.01, between(1e-6, 1)),
  maxNodes: option(17, between(3, 1025)),
  maxBytes: option(2 ** 30, between(1, Infinity)),
  onProgress: option<ExplainOptions['onProgress']>(undefined, checkCallback),
  onRefinement: option<ExplainOptions['onRefinement']>(undefined, checkCallback),
  ...ending,
};

/**
 * Why a model says something else than before: the change of the mean of a functional over contexts, between two records of parameters of
 * whichever trainer, as a sum over parameters, layers, kinds, sequences and positions.
 *
 *     f(theta_1) - f(theta_0) = sum_p integral_0^1 <grad_p f(theta_0 + t delta), delta_p> dt,   delta = theta_1 - theta_0
 *
 * The way `classifier` is what came about because `W` moved under the features (the way of R), `body` because the features moved (the way
 * of G); with tied embeddings `W` has both. A position is where in the sequence the parameters were used: the update of a value projection
 * at position 3 acts on all contexts behind it. The path is the straight line; a run's own path may split its change otherwise. The
 * integral is Clenshaw-Curtis quadrature, its nodes doubled until the parts stay, one backward pass a node, in which
 * no gradient is formed but of `unplaced` parameters.
 *
 * @param model - how the model computes; of its own parameters only those are used that neither record has
 * @param before - parameters before; those left out are the model's
 * @param after - parameters after; those left out are as before
 * @param sequences - tokens, and the positions that are contexts
 * @param functional - what is asked of each context
 * @param options - refinement, memory, progress
 * @returns plain numbers, in the functional's unit
 * @throws RangeError or TypeError if a record has an unknown name, another shape or an entry that is not finite, a sequence cannot be read,
 *   nothing changed, or the functional is not finite or not one number a context; the signal's reason
 * @see Sundararajan et al. 2017, eq. 1 (integrated gradients, there over inputs), https://arxiv.org/abs/1703.01365; Tomihari 2026,
 *   https://arxiv.org/abs/2601.04670, for the two ways
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * // Features are rows of an embedding: z = W e. Token 0 has the feature [1], and logits [1, 0].
 * const model = {
 *   params: { embedding: tf.tensor2d([[1], [2]]), head: tf.tensor2d([[1], [0]]) },
 *   classifier: 'head', tied: false, linear: true,
 *   features: ({ embedding }, { tokens }) => tf.gather(embedding, tokens),
 *   logits: ({ head }, features) => tf.matMul(features, head, false, true),
 * };
 * const logOdds = { name: 'log odds', unit: 'nats', ofNextToken: false, values: (logits) => tf.sum(tf.mul(logits, [1, -1]), 1) };
 * const after = { embedding: tf.tensor2d([[2], [2]]), head: tf.tensor2d([[2], [0]]) };
 * const { measured, explained, byWay } = await explainChange(model, {}, after, [{ tokens: [0] }], logOdds);
 * // The logit goes from 1 to 4, half of it by either way, as the two factors of the product grow alike.
 * [measured, explained, byWay.classifier, byWay.body]; // => [3, 3, 1.5, 1.5]
 * ```
 */
export async function explainChange(
  model: SequenceModel,
  before: Params,
  after: Params,
  sequences: readonly Sequence[],
  functional: Functional,
  options: ExplainOptions = {},
): Promise<ChangeExplanation> {
  const where = 'explainChange';
  const { layerOf, kindOf, tolerance, maxNodes, maxBytes, onProgress, onRefinement, signal } =
    resolveOptions(where, options, table);
  checkSequenceModel(where, model);
  checkFunctional(where, functional);
  const contexts = resolveSequences(`${where}: sequences`, model, sequences);
  if (functional.ofNextToken) checkNextTokens(`${where}: sequences`, contexts);
  if (Object.keys(before ?? {}).length > 0) checkDelta(where, model.params, before, 'before');
  checkDelta(where, model.params, after, 'after');
  const start = { ...model.params, ...before };
  const end = { ...start, ...after };
  const changed = changedParams(start, end);
  if (changed.length === 0) {
    throw new RangeError(
      `${where}: before and after are the same in every parameter, expected two models that differ; check that the second is not the first, or a checkpoint of step 0`,
    );
  }
  const delta = tf.tidy(() =>
    mapParams(
      selectParams(start, (name) => changed.includes(name)),
      (x, name) => tf.sub(end[name]!, x),
    ),
  );
  const order = contexts
    .map((_, i) => i)
    .sort((a, b) => contexts[a]!.tokens.length - contexts[b]!.tokens.length);
  const sorted = order.map((i) => contexts[i]!);
  const longest = sorted.at(-1)!.tokens.length;
  let slopes: SlopeFunction | undefined;
  try {
    await yieldToEventLoop(signal);
    const known = knownOf(model, start, delta, sorted);
    slopes = slopeFunction(model, functional, known, longest);
    const batches = sequenceBatches(
      sorted,
      sequencesAtOnce(start, model.classifier, longest, maxBytes),
    );
    const sums = new Map<number, NodeSums>();
    let done = 0;
    let previous: ChangeExplanation | undefined;
    for (let n = 1; ; n *= 2) {
      const nodes = clenshawCurtis(n);
      const missing = nodes.filter(({ at }) => !sums.has(at));
      const total = done + missing.length * batches.length;
      for (const { at } of missing) {
        const params = at === 0 ? start : at === 1 ? end : interpolated(start, delta, at);
        try {
          const parts = [];
          for (const batch of batches) {
            await yieldToEventLoop(signal);
            onProgress?.({ done, total, nodes: nodes.length });
            parts.push(
              placedSums(
                slopes.at(params, delta, batch),
                batch,
                paddedTime(batch, longest),
                layerOf,
              ),
            );
            done += 1;
          }
          const sum = joined(parts);
          checkValues(functional, sum, contexts);
          sums.set(at, sum);
        } finally {
          if (at !== 0 && at !== 1) disposeParams(selectParams(params, (name) => name in delta));
        }
      }
      onProgress?.({ done, total, nodes: nodes.length });
      const now = explanationOf({
        functional,
        contexts,
        order,
        nodes: nodes.map(({ at, weight }) => ({ weight, sums: sums.get(at)! })),
        start: sums.get(0)!,
        end: sums.get(1)!,
        previous,
        tolerance,
        layerOf,
        kindOf,
      });
      if (n > 1) onRefinement?.(now);
      if ((n > 1 && now.converged) || 2 * n + 1 > maxNodes) return now;
      previous = now;
    }
  } finally {
    slopes?.dispose();
    disposeParams(delta);
  }
}

/** Names of the parameters that differ in at least one number. */
function changedParams(start: Params, end: Params): string[] {
  return Object.keys(start).filter((name) => {
    const [a, b] = [start[name]!, end[name]!];
    checkSameShape(`explainChange: after '${name}'`, b, a, 'before');
    if (a.dataId === b.dataId) return false;
    return tf.tidy(() => tf.any(tf.notEqual(a, b)).dataSync()[0]!) === 1;
  });
}

/** `start + t delta` of what changes, and the rest as it is. */
const interpolated = (start: Params, delta: Params, t: number): Params => ({
  ...start,
  ...tf.tidy(() => mapParams(delta, (change, name) => tf.add(start[name]!, tf.mul(change, t)))),
});

/** Which of the changed parameters can be placed: asked of the beginnings of the two longest sequences. */
function knownOf(
  model: SequenceModel,
  start: Params,
  delta: Params,
  sorted: readonly Contexts[],
): ReadonlySet<string> {
  const two = [sorted.at(-1)!, sorted.at(-2) ?? sorted.at(-1)!];
  const most = Math.min(8, two[1]!.tokens.length);
  const sequences = two.map(({ tokens }) => ({
    tokens: tokens.slice(0, most),
    positions: [most - 1],
  }));
  const batch = { from: 0, sequences, time: most };
  const changing = selectParams(start, (name) => name in delta);
  const tokens = tokenBatch(batch);
  try {
    return knownParams(
      (moving) =>
        tf.tidy(() => {
          const params = { ...start, ...moving };
          const features = model.features(params, tokens);
          checkFeatures(features, two.length, most);
          return model.logits(
            params,
            tf.squeeze(tf.slice(features, [0, most - 1, 0], [-1, 1, -1]), [1]) as tf.Tensor2D,
          );
        }),
      changing,
    );
  } finally {
    tf.dispose([tokens.tokens, tokens.attentionMask]);
  }
}

function checkFeatures({ shape }: tf.Tensor, B: number, T: number): void {
  if (shape.length !== 3 || shape[0] !== B || shape[1] !== T) {
    throw new RangeError(
      `explainChange: model.features of ${B} sequences of ${T} tokens has shape [${shape.join(', ')}], expected [${B}, ${T}, D]`,
    );
  }
}

/** How many sequences are within the budget: what each matrix reads and writes of every token, twice, and logits six times. */
function sequencesAtOnce(
  params: Params,
  classifier: string,
  longest: number,
  maxBytes: number,
): number {
  const perToken = Object.entries(params).reduce((sum, [name, { shape }]) => {
    if (shape.length !== 2) return sum;
    return (
      sum + (name === classifier ? 6 * shape[0]! : 2 * (Math.min(shape[0]!, 65536) + shape[1]!))
    );
  }, 0);
  return Math.max(1, Math.floor(Math.min(maxBytes, 2 ** 40) / (4 * longest * perToken)));
}

/** What a batch says, without its padding, its rows by layer. */
function placedSums(
  { values, placed, unplaced }: ReturnType<SlopeFunction['at']>,
  { sequences }: SequenceBatch,
  time: number,
  layerOf: (name: string) => string,
): NodeSums {
  const size = sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const totals = new Map(Object.entries(unplaced));
  const byLayer = new Map<string, Float64Array>();
  for (const [key, rows] of Object.entries(placed)) {
    const group = groupOf(key, layerOf);
    const sum = byLayer.get(group) ?? new Float64Array(size);
    byLayer.set(group, sum);
    let [at, whole] = [0, 0];
    sequences.forEach(({ tokens }, b) => {
      for (const value of rows.subarray(b * time, b * time + tokens.length)) {
        sum[at++]! += value;
        whole += value;
      }
    });
    totals.set(key, whole);
  }
  return {
    values: Float64Array.from(values),
    totals,
    placed: byLayer,
    unplaced: Object.keys(unplaced),
  };
}

/** Batches one after the other. */
function joined(parts: readonly NodeSums[]): NodeSums {
  const concat = (arrays: readonly Float64Array[]): Float64Array => {
    const all = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0));
    let from = 0;
    for (const array of arrays) {
      all.set(array, from);
      from += array.length;
    }
    return all;
  };
  const [{ totals, placed, unplaced }] = parts as [NodeSums];
  return {
    values: concat(parts.map(({ values }) => values)),
    totals: new Map(
      [...totals.keys()].map((key) => [
        key,
        parts.reduce((sum, part) => sum + part.totals.get(key)!, 0),
      ]),
    ),
    placed: new Map(
      [...placed.keys()].map((key) => [key, concat(parts.map((part) => part.placed.get(key)!))]),
    ),
    unplaced,
  };
}

function checkValues({ name }: Functional, sums: NodeSums, contexts: readonly Contexts[]): void {
  const count = contexts.reduce((sum, { positions }) => sum + positions.length, 0);
  if (sums.values.length !== count) {
    throw new RangeError(
      `explainChange: functional '${name}' has ${sums.values.length} values for ${count} contexts, expected one each`,
    );
  }
  const numbers = [sums.values, ...sums.placed.values(), Float64Array.from(sums.totals.values())];
  if (!numbers.every((array) => array.every(Number.isFinite))) {
    throw new RangeError(
      `explainChange: functional '${name}' or its gradient comes out as NaN or infinite, expected finite numbers; look for huge parameters, or a logarithm of 0 in the functional`,
    );
  }
}
