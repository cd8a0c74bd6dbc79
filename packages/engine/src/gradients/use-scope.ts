import * as tf from '@tensorflow/tfjs-core';

import type { WeightLayout } from '../ops/weight-layout.js';

/** A use of a parameter whose cotangent is still to come. */
export interface OpenUse {
  readonly name: string;
  readonly kind: 'dense' | 'embedding' | 'gain' | 'bias';
  readonly layout: WeightLayout;
  readonly input: tf.Tensor | undefined;
  /** Empty until the backward pass comes by. */
  readonly cotangents: tf.Tensor[];
}

/** Whose uses are written down, and where. */
interface Scope {
  /** Of the parameters' tensors, by id. */
  readonly names: ReadonlyMap<number, string>;
  /** What the backward pass goes to: it passes every use, and needs no gradient of a parameter. */
  readonly gate: tf.Scalar;
  readonly open: OpenUse[];
}

let scope: Scope | undefined;

/**
 * Whether uses of parameters are being written down, inside of `parameterUses`: what is computed once for all examples would then hide
 * whose share is whose, so rows of different examples have to stay apart.
 *
 * @returns true inside of the function that `parameterUses` was given
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * let inside = false;
 * parameterUses(({ w }) => ((inside = notesUses()), tf.square(w)), { w: tf.ones([1]) }, tf.ones([1]));
 * [inside, notesUses()]; // => [true, false]
 * ```
 */
export const notesUses = (): boolean => scope !== undefined;

/** Runs a function whose uses of parameters are written down. */
export function withUses<T>(next: Scope, f: () => T): T {
  const outer = scope;
  scope = next;
  try {
    return f();
  } finally {
    scope = outer;
  }
}

/** What an operation says of one tensor that may be a parameter. */
export interface Used {
  readonly weight: tf.Tensor;
  readonly kind: OpenUse['kind'];
  readonly layout?: WeightLayout;
  readonly input?: tf.Tensor;
}

/** The result of an operation, with its uses of parameters written down if somebody asked for them; else the result itself. */
export function noted(result: tf.Tensor, used: readonly Used[]): tf.Tensor {
  if (scope === undefined) return result;
  const { names, gate, open } = scope;
  const uses = used.flatMap(({ weight, kind, layout = 'in-out', input }): OpenUse[] => {
    const found = nameOf(weight, names);
    if (found === undefined) return [];
    const turned = layout === 'in-out' ? 'out-in' : 'in-out';
    return [
      {
        name: found.name,
        kind,
        layout: found.transposed ? turned : layout,
        input: input && tf.keep(tf.clone(input)),
        cotangents: [],
      },
    ];
  });
  if (uses.length === 0) return result;
  open.push(...uses);
  const passed = tf.customGrad((...args) => ({
    value: tf.clone(args[0] as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => {
      const rows = tf.tidy(() => tf.reshape(dy, [-1, dy.shape[dy.rank - 1]!]));
      for (const { cotangents } of uses) cotangents.push(tf.keep(tf.clone(rows)));
      return [tf.clone(dy), tf.scalar(0)];
    },
  }));
  return passed(result, gate);
}

/** Of which parameter a tensor is a view: the parameter itself, with a constant added, or transposed. */
function nameOf(
  tensor: tf.Tensor,
  names: ReadonlyMap<number, string>,
): { readonly name: string; readonly transposed: boolean } | undefined {
  const name = names.get(tensor.id);
  if (name !== undefined) return { name, transposed: false };
  const node = tf
    .engine()
    .state.activeTape?.find(({ outputs }) => outputs.some(({ id }) => id === tensor.id));
  if (node === undefined || !['Add', 'AddV2', 'Transpose', 'Identity'].includes(node.kernelName))
    return undefined;
  const found = Object.values(node.inputs).flatMap((input) => nameOf(input, names) ?? []);
  if (found.length !== 1) return undefined;
  const flips = node.kernelName === 'Transpose' && tensor.rank === 2;
  return { name: found[0]!.name, transposed: found[0]!.transposed !== flips };
}
