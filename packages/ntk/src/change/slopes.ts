import {
  type Compiled,
  type Params,
  bucket,
  compile,
  parameterUses,
  selectParams,
  vjp,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { alongChange } from '../uses/example-uses.js';
import { type SequenceBatch, tokenBatch } from '../sequences/batches.js';
import type { SequenceModel, TokenBatch } from '../sequences/sequence-model.js';
import type { Functional } from './functional.js';

/** Sequences are padded to multiples of this, so that few graphs serve all lengths. */
const TIME_MULTIPLE = 16;

/** The name of `W` as the classifier alone, beside its name as a parameter of the features. */
const DIRECT = ' classifier';

/** Through which way a parameter reaches the logits: `W` as the classifier, or anything through the features. */
export type Way = 'classifier' | 'body';

/** The functional at the contexts of a batch, and its slopes along a change of the parameters. */
interface Slopes {
  /** One a context, sequence after sequence. */
  readonly values: Float32Array;
  /** `param|way` -> a number a token, `[B][T]` flat, `T` of {@link paddedTime}. */
  readonly placed: Readonly<Record<string, Float32Array>>;
  /** `param|way` of parameters whose slopes have no place -> a number for the whole batch. */
  readonly unplaced: Readonly<Record<string, number>>;
}

/** The length that a batch is padded to. */
export const paddedTime = ({ time }: SequenceBatch, longest: number): number =>
  Math.min(bucket(time, TIME_MULTIPLE), Math.max(time, longest));

/** How slopes are computed for one model and functional: one graph a shape. */
export interface SlopeFunction {
  readonly at: (params: Params, change: Params, batch: SequenceBatch) => Slopes;
  readonly dispose: () => void;
}

/** What a batch is for the graph: `rows` are those of `[B T]` that are looked at, of weight 0 where none is a context. */
interface Operands {
  readonly tokens: tf.Tensor;
  readonly attentionMask: tf.Tensor;
  readonly rows: tf.Tensor;
  readonly next: tf.Tensor;
  readonly weights: tf.Tensor;
}

export function slopeFunction(
  model: SequenceModel,
  { values: valuesOf }: Functional,
  known: ReadonlySet<string>,
  longest: number,
): SlopeFunction {
  const { classifier } = model;

  /** `[R]`, the functional at the rows. */
  const apply = (
    params: Params,
    { tokens, attentionMask, rows, next }: Operands,
    ofLogits: Params = params,
  ): tf.Tensor =>
    tf.tidy(() => {
      const features = model.features(params, { tokens, attentionMask } as TokenBatch);
      const flat = tf.reshape(features, [-1, features.shape[2]]);
      const phi = tf.gather(flat, rows as tf.Tensor1D) as tf.Tensor2D;
      return valuesOf(model.logits(ofLogits, phi), next as tf.Tensor1D);
    });

  const slopes = (params: Params, change: Params, operands: Operands) => {
    const [B, T] = operands.tokens.shape as [number, number];
    const R = operands.rows.shape[0]!;
    const changing = selectParams(params, (name) => name in change);
    const { value, uses } = parameterUses(
      (moving) => apply({ ...params, ...moving }, operands),
      selectParams(changing, (name) => known.has(name)),
      operands.weights,
    );
    const placed: Record<string, tf.Tensor> = {};
    for (const use of uses) {
      const { cotangent, kind, name } = use;
      // After the features there are only the rows of the contexts, before them every token, perhaps by several heads.
      const ofContexts = cotangent.shape[0] === R && R !== B * T;
      const shape = ofContexts ? [1, R] : [B, T * (cotangent.shape[0] / (B * T))];
      const rows = (x: tf.Tensor) => tf.reshape(x, [...shape, ...x.shape.slice(1)]);
      const along = alongChange(
        {
          ...use,
          ...(use.input && { input: rows(use.input) }),
          cotangent: rows(cotangent) as tf.Tensor3D,
        },
        change[name]!,
      );
      const byToken = ofContexts
        ? tf.unsortedSegmentSum(tf.reshape(along, [R]), operands.rows as tf.Tensor1D, B * T)
        : tf.sum(tf.reshape(along, [B * T, -1]), 1);
      const key = `${name}|${name === classifier && kind === 'dense' ? 'classifier' : 'body'}`;
      placed[key] = placed[key] === undefined ? byToken : tf.add(placed[key], byToken);
    }
    // What is used in another way has gradients of its own, one for each of its ways.
    const others = selectParams(changing, (name) => !known.has(name));
    const own = others[classifier] === undefined ? {} : { [DIRECT]: tf.clone(others[classifier]) };
    const ways: Params = { ...others, ...own };
    const unplaced: Record<string, tf.Tensor> = {};
    if (Object.keys(ways).length > 0) {
      const both = ({ [DIRECT]: direct, ...moving }: Params): tf.Tensor => {
        const moved = { ...params, ...moving };
        return apply(moved, operands, { ...moved, ...(direct && { [classifier]: direct }) });
      };
      const { grads } = vjp(both, ways, operands.weights);
      for (const name of Object.keys(ways)) {
        const [param, way] = name === DIRECT ? [classifier, 'classifier'] : [name, 'body'];
        unplaced[`${param}|${way}`] = tf.sum(tf.mul(grads[name]!, change[param]!));
      }
    }
    return { value, placed, unplaced };
  };
  const compiled: Compiled<typeof slopes> = compile(slopes, {
    name: 'explainChange',
    maxGraphs: 8,
  });
  const plain = compile((params: Params, operands: Operands) => apply(params, operands), {
    name: 'explainChange: values',
    maxGraphs: 8,
  });

  return {
    dispose: () => {
      compiled.dispose();
      plain.dispose();
    },
    at: (params, change, batch) => {
      const time = paddedTime(batch, longest);
      const { rows, places } = rowsOf(batch, time);
      const result = tf.tidy(() => {
        const operands = operandsOf(batch, time, rows);
        return Object.keys(change).length === 0
          ? { value: plain(params, operands), placed: {}, unplaced: {} }
          : compiled(params, change, operands);
      });
      try {
        const numbers = (tensor: tf.Tensor): Float32Array => tensor.dataSync() as Float32Array;
        const values = numbers(result.value);
        return {
          values: Float32Array.from(places, (place) => values[place]!),
          placed: mapValues(result.placed, numbers),
          unplaced: mapValues(result.unplaced, (tensor) => numbers(tensor)[0]!),
        };
      } finally {
        tf.dispose(result as never);
      }
    },
  };
}

const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  f: (value: A) => B,
): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));

/** The rows that are looked at: fewer than there are tokens, or all, so that the two can be told apart by their number. */
function rowsOf({ sequences }: SequenceBatch, time: number) {
  const contexts = sequences.flatMap(({ tokens, positions }, b) =>
    positions.map((position) => ({ row: b * time + position, next: tokens[position + 1] ?? -1 })),
  );
  const most = sequences.length * time;
  const count = bucket(contexts.length, TIME_MULTIPLE);
  const all = count >= most;
  const rows = Array.from({ length: all ? most : count }, (_, i) => ({
    row: all ? i : 0,
    next: -1,
    weight: 0,
  }));
  const places = contexts.map(({ row }, i) => (all ? row : i));
  contexts.forEach((context, i) => (rows[places[i]!] = { ...context, weight: 1 }));
  return { rows, places };
}

function operandsOf(
  batch: SequenceBatch,
  time: number,
  rows: ReturnType<typeof rowsOf>['rows'],
): Operands {
  return {
    ...tokenBatch({ ...batch, time }),
    rows: tf.tensor1d(
      rows.map(({ row }) => row),
      'int32',
    ),
    next: tf.tensor1d(
      rows.map(({ next }) => next),
      'int32',
    ),
    weights: tf.tensor1d(rows.map(({ weight }) => weight)),
  };
}
