import * as tf from '@tensorflow/tfjs-core';

/** Entries `[from, to)` of an axis; of all of them no copy is made. */
export function sliceAxis(x: tf.Tensor, axis: number, from: number, to: number): tf.Tensor {
  if (from === 0 && to === x.shape[axis]) return x;
  const begin = x.shape.map((_, i) => (i === axis ? from : 0));
  const size = x.shape.map((length, i) => (i === axis ? to - from : length));
  return tf.slice(x, begin, size);
}
