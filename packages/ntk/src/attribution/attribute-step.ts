import {
  between,
  countParams,
  mapParams,
  option,
  resolveOptions,
  selectParams,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type Functional, checkFunctional, logProbFunctional } from '../change/functional.js';
import { checkSelection, refuseResult } from '../check.js';
import type { Component } from '../entropy/contributions.js';
import { type NtkOptions, kernelTable, kernelsOf } from '../kernel/kernels.js';
import { type SharedOptions, checkCallback, ending, groupings, shared } from '../options.js';
import { type SequenceStep, ascentDelta, checkSequenceStep } from '../samples/sequence-step.js';
import {
  type Contexts,
  checkNextTokens,
  checkSequenceModel,
  resolveSequences,
} from '../sequences/batches.js';
import type { Sequence, SequenceModel } from '../sequences/sequence-model.js';
import { checkUntied, classifierOf, reachesFeatures } from '../split-model.js';
import { type StepAttribution, type StepPart, extremePairs, sumsBy } from './attribution.js';
import { crossShares } from './cross-shares.js';
import { type OutputSide, outputSide } from './output-side.js';
import { valuesAt } from './values-at.js';

/** Options of {@link attributeStep}. */
export interface AttributeStepOptions
  extends
    Pick<SharedOptions, 'select' | 'maxBytes' | 'batchSize'>,
    Pick<NtkOptions, 'method' | 'onFallback'> {
  /** The layer that a parameter belongs to. @defaultValue {@link layerOfParam} */
  readonly layerOf?: (name: string) => string;
  /** The kind of a parameter. @defaultValue {@link kindOfParam} */
  readonly kindOf?: (name: string) => string;
  /** Whether the step is also taken, and its effect measured. @defaultValue true */
  readonly measure?: boolean;
  /** How many of the most helpful and most harmful pairs are listed. @defaultValue 10 */
  readonly top?: number;
  /** Called after each block of contexts, with how many are done. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Ends the work: it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The table of these options. */
export const attributeTable = {
  ...kernelTable,
  ...shared('batchSize'),
  ...groupings,
  measure: option(true),
  top: option(10, between(0, 1e6)),
  onProgress: option<AttributeStepOptions['onProgress']>(undefined, checkCallback),
  ...ending,
};

/** Contexts whose shares are computed together: the samples are read once a block. */
const BLOCK = 128;

type Absent = 'onFallback' | 'onProgress' | 'signal';

/** The options, resolved. */
export type ResolvedAttribution = Required<Omit<AttributeStepOptions, Absent>> & {
  readonly [Name in Absent]: AttributeStepOptions[Name] | undefined;
};

/** What one component did through one parameter: `[N][S]` per unit of `learningRate * weight / completions`. */
interface RawPart {
  readonly component: Component;
  readonly param: string;
  readonly rows: number[][];
}

/**
 * First-order change of a functional at every context by one plain gradient-ascent step on sequences, and where it came from: component
 * of the kernel, layer and kind of parameter, training sample and training token.
 *
 *     delta f(c) = (eta / N) sum_s weight_s <h(c), K(c, c_s) d_s>
 *     R: <phi, phi_s> <h, d_s>     G: <J_phi^T W^T h, J_phi_s^T W^T d_s>     h = df/dz at c,  d_s = e_y - pi at c_s
 *
 * Of tied embeddings `C` and `C'` stand beside them. `G` is a sum over parameters of inner products of gradients, each of one backward
 * pass a context or token, formed from what the engine's layers read and the cotangents of what they give; for parameters used otherwise
 * the gradients are formed (`onFallback` tells). A functional with a cap on the logits in its way is attributed as well.
 *
 * With {@link logProbFunctional} as the functional, `byToken[n][s]` is the effect of learning token `s` on the log-probability at context
 * `n`: an entry, contracted with the two tokens, of the learning dynamics of Ren and Sutherland, proposition 1,
 * `-eta A(x_o) K(x_o, x_u) G(x_u, y_u)`: `A = T` with the row of the context's next token, `K` the empirical kernel, `G = -d_s`.
 *
 * @param model - the model before the step; it stays as it is
 * @param contexts - sequences, each position of which is a context
 * @param step - the training samples, the step size and the number of completions; {@link stepOfRecord} makes it of a record
 * @param functional - what is asked of each context
 * @returns plain numbers, in the functional's unit
 * @throws RangeError or TypeError if a sequence cannot be read, the step has not one finite weight a position, the functional is not finite
 *   or not one number a context, `select` keeps nothing, `maxBytes` cannot hold what one pair takes, or an untied model's features depend
 *   on the classifier; the signal's reason
 * @see Tomihari 2026, https://arxiv.org/abs/2601.04670; Ren and Sutherland 2025, proposition 1, https://arxiv.org/abs/2407.10490
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { embedding: tf.tensor2d([[1], [2]]), head: tf.tensor2d([[0], [0]]) },
 *   classifier: 'head', tied: false, linear: true,
 *   features: ({ embedding }, { tokens }) => tf.gather(embedding, tokens),
 *   logits: ({ head }, features) => tf.matMul(features, head, false, true),
 * };
 * const step = { sequences: [{ tokens: [1, 0], positions: [0], weights: [1] }], learningRate: 0.01, completions: 1 };
 * const { byComponent } = await attributeStep(model, [{ tokens: [0, 0], positions: [0] }], step, logProbFunctional());
 * // R: <phi, phi'> <h, d> = 2 * 0.5; the head is 0, and so is G
 * [byComponent.representation, byComponent.gradient]; // => [[0.01], [0]]
 * ```
 */
export async function attributeStep(
  model: SequenceModel,
  contexts: readonly Sequence[],
  step: SequenceStep,
  functional: Functional,
  options: AttributeStepOptions = {},
): Promise<StepAttribution> {
  const where = 'attributeStep';
  const resolved = resolveOptions(where, options, attributeTable) as ResolvedAttribution;
  return attributionOf(where, model, contexts, step, functional, resolved);
}

/** {@link attributeStep}, named as the function that was called. */
export async function attributionOf(
  where: string,
  model: SequenceModel,
  contexts: readonly Sequence[],
  step: SequenceStep,
  functional: Functional,
  options: ResolvedAttribution,
): Promise<StepAttribution> {
  const { measure, top, onProgress, signal, ...how } = options;
  checkSequenceModel(where, model);
  classifierOf(where, model as never);
  checkFunctional(where, functional);
  checkSelection(where, model.params, how.select);
  const looked = resolveSequences(`${where}: contexts`, model, contexts);
  if (functional.ofNextToken) checkNextTokens(`${where}: contexts`, looked);
  const trained = checkSequenceStep(where, model, step);
  await yieldToEventLoop(signal);
  const before = valuesAt(where, model, {}, looked, functional, how.batchSize);
  const factors = factorsOf(step);
  const parts = new Map<string, StepPart & { change: number[][] }>();
  const byToken: number[][] = [];
  for (const block of blocksOf(looked)) {
    await yieldToEventLoop(signal);
    const raw = rawParts(where, model, block, trained, functional, how);
    byToken.push(...raw[0]!.rows.map(() => factors.map(() => 0)));
    const from = byToken.length - raw[0]!.rows.length;
    for (const { component, param, rows } of raw) {
      const key = `${component}|${param}`;
      const [layer, kind] = [how.layerOf(param), how.kindOf(param)];
      const part = parts.get(key) ?? { component, param, layer, kind, change: [] };
      parts.set(key, part);
      rows.forEach((row, i) => {
        const bySample = step.sequences.map(() => 0);
        row.forEach((value, s) => {
          const change = value * factors[s]!.factor;
          bySample[factors[s]!.sample]! += change;
          byToken[from + i]![s]! += change;
        });
        part.change.push(bySample);
      });
    }
    onProgress?.({ done: byToken.length, total: before.length });
  }
  const result = viewsOf([...parts.values()], byToken, step);
  if (!result.total.every(Number.isFinite)) refuseResult(where, 'the change');
  await yieldToEventLoop(signal);
  return {
    functional: functional.name,
    unit: functional.unit,
    contexts: looked.flatMap(({ positions }, sequence) =>
      positions.map((position) => ({ sequence, position })),
    ),
    ...result,
    ...extremePairs(result.bySample, top),
    before,
    ...(measure &&
      measuredBeside(where, model, looked, step, functional, how, before, result.total)),
  };
}

/** What each training token's share is multiplied with. */
const factorsOf = ({ sequences, learningRate, completions }: SequenceStep) =>
  sequences.flatMap(({ weights }, sample) =>
    weights.map((weight) => ({ sample, factor: (learningRate * weight) / completions })),
  );

/** Sequences in runs of at most {@link BLOCK} contexts; a longer sequence is cut. */
function blocksOf(contexts: readonly Contexts[]): Contexts[][] {
  const blocks: Contexts[][] = [[]];
  let room = BLOCK;
  for (const { tokens, positions } of contexts) {
    for (let from = 0; from < positions.length;) {
      if (room === 0) {
        blocks.push([]);
        room = BLOCK;
      }
      const own = positions.slice(from, from + room);
      blocks.at(-1)!.push({ tokens, positions: own });
      room -= own.length;
      from += own.length;
    }
  }
  return blocks;
}

function rawParts(
  where: string,
  model: SequenceModel,
  contexts: readonly Contexts[],
  trained: readonly Contexts[],
  functional: Functional,
  how: Omit<ResolvedAttribution, 'measure' | 'top' | 'onProgress' | 'signal'>,
): RawPart[] {
  const result: RawPart[] = [];
  const add = (component: Component, param: string, change: tf.Tensor): void => {
    result.push({ component, param, rows: change.arraySync() as number[][] });
  };
  const { select, maxBytes, batchSize, method, onFallback } = how;
  const { params, classifier, tied } = model;
  tf.tidy(() => {
    const side = (name: string, list: readonly Contexts[], of: Functional): OutputSide =>
      outputSide(`${where}: ${name}`, model, list, of, batchSize);
    const left = side('contexts', contexts, functional);
    const right = side('step.sequences', trained, logProbFunctional());
    checkBody(where, model, right);
    if (select(classifier)) {
      const inner = (a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, b, false, true);
      add('representation', classifier, tf.mul(inner(left.h, right.h), inner(left.phi, right.phi)));
      if (tied) {
        add('cross', classifier, crossShares(params, classifier, left, right));
        add('crossMirror', classifier, tf.transpose(crossShares(params, classifier, right, left)));
      }
    }
    const moved = reachesFeatures(model as never, select);
    if (countParams(selectParams(params, moved)) === 0) return;
    const kernels = kernelsOf({
      where,
      params,
      left: left.examples,
      right: right.examples,
      entries: 'trace',
      layerOf: (name) => name,
      options: {
        select: moved,
        maxBytes,
        method,
        directions: tf.expandDims(left.u, 1),
        directions2: tf.expandDims(right.u, 1),
        ...(onFallback && { onFallback }),
      },
    });
    for (const [param, kernel] of Object.entries(kernels)) add('gradient', param, kernel);
  });
  return result;
}

/** Refuses a model that says it is not tied while its features read the classifier. */
function checkBody(
  where: string,
  { params, classifier, tied }: SequenceModel,
  side: OutputSide,
): void {
  const features = (moving: typeof params): tf.Tensor2D =>
    side.examples.apply(moving, side.examples.inputs(0, 1), { from: 0, to: 1, copies: 1 });
  checkUntied(where, { params, classifier, tied, features }, [0], 1);
}

function viewsOf(parts: readonly StepPart[], byToken: readonly number[][], step: SequenceStep) {
  const bySample = byToken.map((_, n) =>
    step.sequences.map((_2, i) => parts.reduce((sum, { change }) => sum + change[n]![i]!, 0)),
  );
  return {
    tokens: step.sequences.flatMap(({ tokens, positions, weights }, sample) =>
      positions.map((position, t) => ({
        sample,
        position: position + 1,
        token: tokens[position + 1]!,
        weight: weights[t]!,
      })),
    ),
    total: bySample.map((row) => row.reduce((sum, value) => sum + value, 0)),
    byComponent: sumsBy(parts, ({ component }) => component),
    byLayer: sumsBy(parts, ({ layer }) => layer),
    byKind: sumsBy(parts, ({ kind }) => kind),
    bySample,
    byToken,
    parts,
  };
}

/** Takes the step and asks the functional again. */
function measuredBeside(
  where: string,
  model: SequenceModel,
  contexts: readonly Contexts[],
  step: SequenceStep,
  functional: Functional,
  { select, batchSize }: { readonly select: (name: string) => boolean; readonly batchSize: number },
  before: readonly number[],
  total: readonly number[],
) {
  return tf.tidy(() => {
    const delta = ascentDelta(model, step, select, batchSize);
    const moved = mapParams(delta, (change, name) => tf.add(model.params[name]!, change));
    const after = valuesAt(where, model, moved, contexts, functional, batchSize);
    const measured = after.map((value, n) => value - before[n]!);
    return { measured, residual: measured.map((value, n) => value - total[n]!) };
  });
}
