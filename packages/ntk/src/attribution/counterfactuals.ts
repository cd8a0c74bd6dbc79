import {
  type Params,
  checkPositiveInteger,
  disposeParams,
  mapParams,
  option,
  resolveOptions,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { Functional } from '../change/functional.js';
import { type SequenceStep, ascentDelta, gradientOf } from '../samples/sequence-step.js';
import { type Contexts, resolveSequences } from '../sequences/batches.js';
import type { Sequence, SequenceModel } from '../sequences/sequence-model.js';
import {
  type AttributeStepOptions,
  type ResolvedAttribution,
  attributeTable,
  attributionOf,
} from './attribute-step.js';
import type { StepAttribution } from './attribution.js';
import { rankCorrelation } from './rank-correlation.js';
import { valuesAt } from './values-at.js';

/** Options of {@link stepCounterfactuals}. */
export interface CounterfactualOptions extends Omit<
  AttributeStepOptions,
  'measure' | 'top' | 'onProgress'
> {
  /** How often the step is taken in a row, each from where the last one led; what is left out is left out of all. @defaultValue 1 */
  readonly steps?: number;
  /** Called before each run, with how many are done. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** What was attributed to some things, and what leaving each of them out showed. */
export interface Counterfactuals {
  /** `K` names of what was left out. */
  readonly leftOut: readonly string[];
  /** `[N][K]`, the share attributed, the functional's unit. */
  readonly attributed: readonly (readonly number[])[];
  /** `[N][K]`, the functional with everything minus that without it. */
  readonly measured: readonly (readonly number[])[];
  /** Spearman's, over all pairs of a context and what was left out; null where one side is constant. */
  readonly rankCorrelation: number | null;
  /** Spearman's over what was left out, of each context, and then the mean over contexts; null where no context has one. */
  readonly meanByContext: number | null;
}

/** {@link stepCounterfactuals} */
export interface StepCounterfactuals {
  /** Each training sequence left out; named by its index. */
  readonly samples: Counterfactuals;
  /** Each layer's update left out. */
  readonly layers: Counterfactuals;
  /** The update of the classifier (`representation`), and that of all else (`gradient`), left out; of untied models. */
  readonly components?: Counterfactuals;
  /** As `samples`, with `attributed` replaced by the cosine of the gradients of functional and sample before the first step: a baseline. */
  readonly cosine: Counterfactuals;
}

/** A run of the step with something left out. */
interface Removal {
  readonly name: string;
  readonly step: SequenceStep;
  readonly select: (name: string) => boolean;
}

/**
 * Tries an attribution: leaves each sample, each layer's update, and the updates by which `R` and `G` act out of a real step, measures, and
 * compares with what {@link attributeStep} said. For a small step the two agree; how far they do for larger ones, or over many, is the answer.
 *
 *     measured[n][k] = f(c_n; theta after all) - f(c_n; theta after all but k),   attributed[n][k] = sum over the steps of k's share
 *
 * It takes a run of the steps for each thing left out, and an attribution a step.
 *
 * @param model - the model before; it stays as it is
 * @param contexts - sequences, each position of which is a context
 * @param step - the training samples, the step size and the number of completions
 * @param functional - what is asked of each context
 * @returns plain numbers
 * @throws RangeError or TypeError as {@link attributeStep}, and if `steps` is no positive integer
 * @see Park et al. 2023, section 2 (the linear datamodelling score), https://arxiv.org/abs/2303.14186
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { embedding: tf.tensor2d([[1], [2]]), head: tf.tensor2d([[0.5], [0]]) },
 *   classifier: 'head', tied: false, linear: true,
 *   features: ({ embedding }, { tokens }) => tf.gather(embedding, tokens),
 *   logits: ({ head }, features) => tf.matMul(features, head, false, true),
 * };
 * const sequences = [{ tokens: [1, 0], positions: [0], weights: [1] }, { tokens: [0, 1], positions: [0], weights: [2] }];
 * const step = { sequences, learningRate: 0.01, completions: 2 };
 * const { samples } = await stepCounterfactuals(model, [{ tokens: [0, 0] }], step, entropyFunctional());
 * samples.rankCorrelation; // => 1
 * ```
 */
export async function stepCounterfactuals(
  model: SequenceModel,
  contexts: readonly Sequence[],
  step: SequenceStep,
  functional: Functional,
  options: CounterfactualOptions = {},
): Promise<StepCounterfactuals> {
  const where = 'stepCounterfactuals';
  const { steps, onProgress, signal, ...how } = resolveOptions(where, options, table);
  const { select, batchSize, layerOf } = how;
  const attribution = { ...how, measure: false, top: 0, signal, onProgress: undefined } as ResolvedAttribution; // prettier-ignore
  let params: Params = model.params;
  const taken: StepAttribution[] = [];
  try {
    for (let i = 0; i < steps; i++) {
      taken.push(
        await attributionOf(where, { ...model, params }, contexts, step, functional, attribution),
      );
      params = moved(model, params, step, select, batchSize);
    }
  } finally {
    release(params, model);
  }
  const looked = resolveSequences(`${where}: contexts`, model, contexts);
  const layers = Object.keys(taken[0]!.byLayer);
  const isClassifier = (name: string): boolean => name === model.classifier;
  const runs: Removal[] = [
    { name: 'nothing', step, select },
    ...step.sequences.map((_, i) => ({
      name: String(i),
      step: { ...step, sequences: step.sequences.filter((_2, s) => s !== i) },
      select,
    })),
    ...layers.map((layer) => ({
      name: layer,
      step,
      select: (name: string) => select(name) && layerOf(name) !== layer,
    })),
    ...(model.tied
      ? []
      : [
          { name: 'representation', step, select: (name: string) => select(name) && !isClassifier(name) }, // prettier-ignore
          { name: 'gradient', step, select: (name: string) => select(name) && isClassifier(name) },
        ]),
  ];
  const ends: number[][] = [];
  for (const run of runs) {
    onProgress?.({ done: ends.length, total: runs.length });
    let now: Params = model.params;
    try {
      for (let i = 0; i < steps; i++) {
        await yieldToEventLoop(signal);
        now = moved(model, now, run.step, run.select, batchSize);
      }
      ends.push(valuesAt(where, model, now, looked, functional, batchSize));
    } finally {
      release(now, model);
    }
  }
  onProgress?.({ done: runs.length, total: runs.length });
  const [full, ...without] = ends;
  const N = full!.length;
  const measuredOf = (names: number, from: number): number[][] =>
    full!.map((value, n) => without.slice(from, from + names).map((end) => value - end[n]!));
  const total = (of: (each: StepAttribution, n: number) => readonly number[]): number[][] =>
    Array.from({ length: N }, (_, n) =>
      taken.map((each) => [...of(each, n)]).reduce((a, b) => a.map((value, k) => value + b[k]!)),
    );
  const S = step.sequences.length;
  const names = step.sequences.map((_, i) => String(i));
  const ofSamples = measuredOf(S, 0);
  const components = ['representation', 'gradient'] as const;
  return {
    samples: compared(names, total(({ bySample }, n) => bySample[n]!), ofSamples), // prettier-ignore
    layers: compared(
      layers,
      total(({ byLayer }, n) => layers.map((layer) => byLayer[layer]![n]!)),
      measuredOf(layers.length, S),
    ),
    ...(!model.tied && {
      components: compared(
        components,
        total(({ byComponent }, n) => components.map((name) => byComponent[name]?.[n] ?? 0)),
        measuredOf(2, S + layers.length),
      ),
    }),
    cosine: compared(
      names,
      cosines(model, looked, step, functional, how, taken[0]!.bySample),
      ofSamples,
    ),
  };
}

const { measure: _, top: _2, ...attributionTable } = attributeTable;
const table = { ...attributionTable, steps: option(1, checkPositiveInteger) };

/** The parameters a step further; those it started from are freed unless they are the model's. */
function moved(
  model: SequenceModel,
  params: Params,
  step: SequenceStep,
  select: (name: string) => boolean,
  batchSize: number,
): Params {
  if (step.sequences.length === 0 || !Object.keys(params).some(select)) return params;
  const next = tf.tidy(() => {
    const delta = ascentDelta({ ...model, params }, step, select, batchSize);
    return mapParams(delta, (change, name) => tf.add(params[name]!, change));
  });
  const replaced = Object.fromEntries(Object.entries(params).filter(([name]) => name in next));
  release(replaced, model);
  return { ...params, ...next };
}

/** Frees parameters that are not the model's own. */
const release = (params: Params, model: SequenceModel): void =>
  disposeParams(
    Object.fromEntries(Object.entries(params).filter(([name, x]) => x !== model.params[name])),
  );

function compared(
  leftOut: readonly string[],
  attributed: readonly (readonly number[])[],
  measured: readonly (readonly number[])[],
): Counterfactuals {
  const each = attributed
    .map((row, n) => rankCorrelation(row, measured[n]!))
    .filter((value) => value !== null);
  return {
    leftOut,
    attributed,
    measured,
    rankCorrelation: rankCorrelation(attributed.flat(), measured.flat()),
    meanByContext: each.length === 0 ? null : each.reduce((a, b) => a + b, 0) / each.length,
  };
}

/** `[N][samples]`, of the gradients of the functional and of each sample's share of the objective; 0 where one of them is. */
function cosines(
  model: SequenceModel,
  contexts: readonly Contexts[],
  step: SequenceStep,
  functional: Functional,
  { select, batchSize }: { readonly select: (name: string) => boolean; readonly batchSize: number },
  products: readonly (readonly number[])[],
): number[][] {
  const norm = (of: () => Params): number =>
    tf.tidy(() => {
      const squares = Object.values(of()).map((x) => tf.sum(tf.square(x)));
      return Math.sqrt(tf.addN(squares).dataSync()[0]!);
    });
  const ofSamples = step.sequences.map((sequence) =>
    norm(() => ascentDelta(model, { ...step, sequences: [sequence] }, select, batchSize)),
  );
  const ofContexts = contexts.flatMap(({ tokens, positions }) =>
    positions.map((position) => {
      const one = [{ tokens, positions: [position] }];
      return norm(() => gradientOf(model, one, [[1]], functional, select, batchSize));
    }),
  );
  return products.map((row, n) =>
    row.map((value, s) => (value === 0 ? 0 : value / (ofContexts[n]! * ofSamples[s]!))),
  );
}
