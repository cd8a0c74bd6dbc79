import * as tf from '@tensorflow/tfjs-core';

import { checkPositiveInteger } from '../check.js';
import { after, together } from '../compile/after.js';
import { flatten } from '../compile/structure.js';
import { differentiated, vjp } from './grad.js';
import { sliceAxis } from '../ops/slice.js';
import { keptValue, withGradient } from '../ops/with-gradient.js';
import {
  type Params,
  addPrefix,
  mapParams,
  mergeParams,
  selectParams,
  takePrefix,
} from '../params.js';

/** What is saved for a gradient: where it is taken, and what else the function needs. */
type Saved<C> = { readonly asked: Params; readonly rest: Params; readonly constants: C };

/** The record in two parts: where a gradient is asked for, and the rest. */
function split(params: Params): { asked: Params; rest: Params } {
  const asked = differentiated(params);
  return { asked, rest: selectParams(params, (name) => !(name in asked)) };
}

/**
 * A function of which nothing but its arguments is kept for the gradient, which computes the rest again: memory for time
 * (also called gradient checkpointing). In compiled functions too, where the second computation waits for the cotangent.
 *
 *     rematerialize(f, params, constants) = f(params, constants)
 *
 * Gradients flow to the parameters that a gradient asks for, and cost nothing for the others. They may be differentiated again.
 *
 * @param f - everything that it uses must be among its arguments: no gradient flows to what it captures, and a tensor of an
 *   outer scope may be gone when it runs again
 * @param params - what gradients may be asked for; borrowed
 * @param constants - whatever else it needs: tensors in arrays and plain records of any depth, beside plain values; borrowed
 * @returns the function's value; the caller owns it
 * @throws TypeError if `constants` holds something else, as a function
 * @see Chen et al. 2016, section 3, https://arxiv.org/abs/1604.06174
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const block = ({ x, w }: Params) => tf.tanh(tf.mul(x!, w!));
 * const loss = ({ w }: Params) => tf.sum(rematerialize(block, { x: tf.tensor1d([1, 2]), w: w! }, {}));
 * valueAndGrad(loss)({ w: tf.scalar(0) }).grads.w!.arraySync(); // => 3
 * ```
 */
export function rematerialize<C>(
  f: (params: Params, constants: C) => tf.Tensor,
  params: Params,
  constants: C,
): tf.Tensor {
  const { asked, rest } = split(params);
  if (Object.keys(asked).length === 0) return tf.tidy(() => f(params, constants));
  const all = flatten('rematerialize: arguments', { asked, rest, constants });
  return tf.tidy(() =>
    withGradient({
      inputs: Object.values(asked),
      save: all.tensors,
      value: keptValue(() => f(params, constants)),
      gradient: (dy, saved, [value]) => {
        const again = all.rebuild(after(saved, [dy, value!])) as Saved<C>;
        const g = (p: Params): tf.Tensor => f(mergeParams(again.rest, p), again.constants);
        return [...together(Object.values(vjp(g, again.asked, dy).grads))];
      },
    }),
  );
}

/** Options of {@link mapRows}. */
export interface MapRowsOptions {
  /** Rows at a time. */
  readonly chunkSize: number;
}

const ROWS = 'rows/';
const SHARED = 'shared/';

function checkRows(rows: Params): number {
  const [first] = Object.values(rows);
  const size = first?.shape[0];
  const wrong = Object.entries(rows).find(([, { shape }]) => shape[0] !== size);
  if (size === undefined || size === 0 || wrong !== undefined) {
    throw new RangeError(
      `mapRows: rows has ${wrong ? `'${wrong[0]}' of shape [${wrong[1].shape.join(', ')}]` : 'no rows'}, ` +
        `expected tensors [N, ...] with ${size ? `N = ${size} as the first` : 'N >= 1'}`,
    );
  }
  return size;
}

/**
 * A function of rows, on some rows at a time: neither the value nor the gradient holds what is computed on the way for more
 * than one chunk; the gradient computes it again. In compiled functions one chunk waits for the other.
 *
 *     mapRows(f, rows, shared) = concat_c f(rows[c], shared)
 *
 * @param f - row `i` of its result `[n, ...]` depends on row `i` of `rows` alone, and on `shared`; everything that it uses must
 *   be among its arguments
 * @param rows - tensors `[N, ...]`, integers too; borrowed
 * @param shared - what all rows use, as weights; borrowed
 * @returns `[N, ...]`; the caller owns it
 * @throws RangeError if the tensors of `rows` have different numbers of rows, or none
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const f = ({ x }: Params, { w }: Params) => tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D);
 * const rows = { x: tf.tensor2d([[1, 0], [0, 1], [1, 1]]) };
 * mapRows(f, rows, { w: tf.tensor2d([[2], [3]]) }, { chunkSize: 2 }).arraySync(); // => [[2], [3], [5]]
 * ```
 */
export function mapRows(
  f: (rows: Params, shared: Params) => tf.Tensor,
  rows: Params,
  shared: Params,
  { chunkSize }: MapRowsOptions,
): tf.Tensor {
  checkPositiveInteger('mapRows: chunkSize', chunkSize);
  const count = checkRows(rows);
  const starts = Array.from({ length: Math.ceil(count / chunkSize) }, (_, i) => i * chunkSize);
  const { asked, rest } = split({ ...addPrefix(ROWS, rows), ...addPrefix(SHARED, shared) });
  const all = flatten('mapRows: arguments', { asked, rest });
  const rowsFrom = (from: number, x: tf.Tensor): tf.Tensor =>
    sliceAxis(x, 0, from, Math.min(count, from + chunkSize));
  const chunkOf = (params: Params, from: number): Params =>
    mapParams(params, (x, name) => (name.startsWith(ROWS) ? rowsFrom(from, x) : x));
  const apply = (params: Params): tf.Tensor =>
    f(takePrefix(ROWS, params), takePrefix(SHARED, params));

  const value = (): tf.Tensor => {
    const chunks: tf.Tensor[] = [];
    for (const from of starts) {
      const before = chunks.slice(-1);
      chunks.push(
        tf.tidy(() => {
          const now = all.rebuild(before.length > 0 ? after(all.tensors, before) : all.tensors);
          const { asked: some, rest: others } = now as Saved<undefined>;
          return apply(chunkOf(mergeParams(others, some), from));
        }),
      );
    }
    return tf.concat(chunks);
  };
  if (Object.keys(asked).length === 0) return tf.tidy(value);

  const gradient = (dy: tf.Tensor, saved: readonly tf.Tensor[], kept: readonly tf.Tensor[]) => {
    const parts: Params[] = [];
    let sums: Params = {};
    for (const from of starts) {
      const awaited = [dy, ...kept, ...Object.values(sums), ...Object.values(parts.at(-1) ?? {})];
      const { part, next } = tf.tidy(() => {
        const now = all.rebuild(after(saved, awaited)) as Saved<undefined>;
        const others = chunkOf(now.rest, from);
        const g = (p: Params): tf.Tensor => apply(mergeParams(others, p));
        const cotangent = rowsFrom(from, dy);
        const { grads } = vjp(g, chunkOf(now.asked, from), cotangent);
        return {
          part: selectParams(grads, (name) => name.startsWith(ROWS)) as Record<string, tf.Tensor>,
          next: mapParams(
            selectParams(grads, (name) => name.startsWith(SHARED)),
            (grad, name) => (sums[name] === undefined ? grad : tf.add(sums[name], grad)),
          ) as Record<string, tf.Tensor>,
        };
      });
      // A tape that is on keeps what it needs itself.
      tf.dispose(sums as Record<string, tf.Tensor>);
      sums = next;
      parts.push(part);
    }
    const joined = (name: string): tf.Tensor => tf.concat(parts.map((part) => part[name]!));
    return Object.keys(asked).map((name) => sums[name] ?? joined(name));
  };
  return tf.tidy(() =>
    withGradient({
      inputs: Object.values(asked),
      save: all.tensors,
      value: keptValue(value),
      gradient,
    }),
  );
}
