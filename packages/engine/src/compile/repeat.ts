import * as tf from '@tensorflow/tfjs-core';

import { activeRecorder } from './recorder.js';
import { flatten } from './structure.js';
import type { AnyRank } from './with-state.js';

/**
 * Does something again and again, on a state. In a compiled function this is one loop of the graph, whose body is compiled once
 * however often it runs; elsewhere it is a loop of JavaScript.
 *
 *     state = body(round, state)   for round = 0, 1, ..., count - 1
 *
 * @param count - scalar int32
 * @param initial - the state before: tensors in arrays and plain records; borrowed
 * @param body - the state after a round, of the same structure, shapes and types; the round's number is a tensor,
 *   since in a graph the body runs once for all rounds
 * @returns the state after all rounds; the caller owns it
 * @throws TypeError if `count` is no int32 scalar, or a round changes the state's structure, shapes or types; there is no gradient of a
 *   loop in a graph, which is an Error
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const power = (x: tf.Scalar, n: tf.Scalar) => repeat(n, { y: tf.scalar(1) }, (_, { y }) => ({ y: tf.mul(y, x) }));
 * power(tf.scalar(3), tf.scalar(4, 'int32')).y.arraySync(); // => 81
 * const compiled = compile(power);
 * compiled(tf.scalar(2), tf.scalar(10, 'int32')).y.arraySync(); // => 1024
 * compiled.dispose();
 * ```
 */
export function repeat<S>(
  count: tf.Scalar,
  initial: S,
  body: (round: tf.Scalar, state: AnyRank<S>) => AnyRank<S>,
): AnyRank<S> {
  if (count.rank !== 0 || count.dtype !== 'int32') {
    throw new TypeError(
      `repeat: count is a ${count.dtype} tensor of shape [${count.shape.join(', ')}], expected an int32 scalar`,
    );
  }
  const { tensors, key, rebuild } = flatten('repeat: state', initial);
  const round = (number: tf.Scalar, state: readonly tf.Tensor[]): readonly tf.Tensor[] => {
    const next = flatten('repeat: state', body(number, rebuild(state) as AnyRank<S>));
    if (next.key === key) return next.tensors;
    throw new TypeError(
      `repeat: the state after a round is ${next.key.slice(0, 300)}, expected ${key.slice(0, 300)} as before; ` +
        'keep its structure, shapes and types',
    );
  };
  const recorder = activeRecorder();
  if (recorder !== undefined && tf.engine().state.gradientDepth > 0) {
    throw new Error(
      'repeat: a gradient is taken through a loop of a compiled function, expected one outside of gradients; write the rounds ' +
        'out in JavaScript',
    );
  }
  if (recorder !== undefined) return rebuild(recorder.loop(count, tensors, round)) as AnyRank<S>;
  return tf.tidy(() => {
    let state: readonly tf.Tensor[] = tensors.map((tensor) => tf.clone(tensor));
    const rounds = count.dataSync()[0]!;
    for (let i = 0; i < rounds; i++) {
      const next = tf.tidy(() => {
        const made = round(tf.scalar(i, 'int32'), state);
        return made.map((tensor) => tf.clone(tensor));
      });
      tf.dispose(state as tf.Tensor[]);
      state = next;
    }
    return rebuild(state) as tf.TensorContainer;
  }) as AnyRank<S>;
}
