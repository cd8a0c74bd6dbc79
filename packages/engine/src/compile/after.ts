import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from '../ops/with-gradient.js';
import { activeRecorder } from './recorder.js';

/**
 * Tensors that, in a compiled function, are not to be had before others have been computed, and are others than they were: what
 * is done with them comes after, and is not taken for what has been done already. Where operations run one by one they come
 * in their order anyway.
 *
 * @param tensors - the values; gradients pass through
 * @param awaited - the others; at least one is a float
 */
export function after(
  tensors: readonly tf.Tensor[],
  awaited: readonly tf.Tensor[],
): readonly tf.Tensor[] {
  const recorder = activeRecorder();
  if (recorder === undefined) return tensors;
  const later = recorder.xla ? undefined : recorder.after(tensors, awaited);
  const values = tensors.map((tensor, i) => () => later?.[i] ?? plusZero(tensor, awaited));
  if (tf.engine().state.gradientDepth === 0) return values.map((value) => value());
  return tensors.map((tensor, i) =>
    withGradient({ inputs: [tensor], save: [], value: values[i]!, gradient: (dy) => [dy] }),
  );
}

/**
 * Gradients that, in a graph, are to be had all at once: what needs one of them does not begin while others still keep the
 * activations that they are computed from. XLA orders its operations by their memory itself.
 *
 * @param tensors - the values; gradients pass through
 */
export const together = (tensors: readonly tf.Tensor[]): readonly tf.Tensor[] =>
  activeRecorder()?.xla === false ? after(tensors, tensors) : tensors;

/**
 * XLA sees through identities and optimisation barriers. So a float gets 0 times a number of what is awaited added: that must not
 * be left out, since the number might be none.
 */
function plusZero(x: tf.Tensor, awaited: readonly tf.Tensor[]): tf.Tensor {
  if (x.dtype !== 'float32') return tf.clone(x);
  const numbers = awaited.filter(({ dtype }) => dtype === 'float32');
  const first = (y: tf.Tensor): tf.Tensor => tf.slice(tf.reshape(y, [-1]), [0], [1]);
  const zero = tf.mul(tf.addN(numbers.map(first)), 0);
  return tf.add(x, tf.reshape(zero, []));
}
