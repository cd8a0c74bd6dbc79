import * as tf from '@tensorflow/tfjs-core';

/** Tensors under names, to any depth. */
export type Tree = { readonly [name: string]: tf.Tensor | Tree };

/** A function with a memory: every call takes the state of the one before. */
export interface WithState<S extends Tree, A extends readonly Tree[], O extends Tree> {
  /** The caller owns the output. */
  (...args: A): O;
  /** The state after the last call; lent. */
  state(): S;
  /** Frees the state, if it is not the initial one. */
  dispose(): void;
}

const leaves = (tree: Tree): tf.Tensor[] =>
  Object.values(tree).flatMap((each) => (each instanceof tf.Tensor ? [each] : leaves(each)));

/**
 * Keeps a state between calls, operation by operation: the engine's `compileWithState` without compilation.
 *
 * @param initial - borrowed
 * @param fn - from a state and arguments to the next state and an output
 */
export function withState<S extends Tree, A extends readonly Tree[], O extends Tree>(
  initial: S,
  fn: (state: S, ...args: A) => { readonly state: S; readonly output: O },
): WithState<S, A, O> {
  let state = initial;
  const given = new Set(leaves(initial));
  const free = (old: S, kept: readonly tf.Tensor[]): void =>
    tf.dispose(leaves(old).filter((tensor) => !given.has(tensor) && !kept.includes(tensor)));
  const call = (...args: A): O => {
    const next = tf.tidy(() => fn(state, ...args) as never) as ReturnType<typeof fn>;
    free(state, leaves(next.state));
    state = next.state;
    return next.output;
  };
  return Object.assign(call, { state: () => state, dispose: () => free(state, []) });
}
