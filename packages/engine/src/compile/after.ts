import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from '../ops/with-gradient.js';
import { activeRecorder } from './recorder.js';

/**
 * In a compiled function: tensors that are available only after others have been computed. They count as new values, so that
 * operations on them run later and are not merged with equal operations that ran before. Where operations run one by one, their
 * order is given anyway.
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
 * Gradients that a graph makes available all at once: no operation uses one of them while others still keep the activations
 * that they are computed from. XLA orders its operations by their memory itself.
 *
 * @param tensors - the values; gradients pass through
 */
export const together = (tensors: readonly tf.Tensor[]): readonly tf.Tensor[] =>
  activeRecorder()?.xla === false ? after(tensors, tensors) : tensors;

/**
 * XLA removes identities and optimisation barriers. So 0 times an awaited number is added to floats: XLA must not remove that,
 * since the number may be NaN.
 */
function plusZero(x: tf.Tensor, awaited: readonly tf.Tensor[]): tf.Tensor {
  if (x.dtype !== 'float32') return tf.clone(x);
  const numbers = awaited.filter(({ dtype }) => dtype === 'float32');
  const first = (y: tf.Tensor): tf.Tensor => tf.slice(tf.reshape(y, [-1]), [0], [1]);
  const zero = tf.mul(tf.addN(numbers.map(first)), 0);
  return tf.add(x, tf.reshape(zero, []));
}
