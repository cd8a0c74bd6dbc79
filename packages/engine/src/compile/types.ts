import type * as tf from '@tensorflow/tfjs-core';

import { nativeBackend } from './binding.js';
import type { Attribute } from './graph.js';

/** TensorFlow's number of a type of TensorFlow.js. */
export function typeNumber(dtype: tf.DataType): number {
  const { TF_FLOAT, TF_INT32, TF_BOOL } = nativeBackend().binding;
  const numbers: Readonly<Record<string, number>> = {
    float32: TF_FLOAT,
    int32: TF_INT32,
    bool: TF_BOOL,
  };
  const number = numbers[dtype];
  if (number === undefined) {
    throw new TypeError(`compile: a tensor is ${dtype}, expected float32, int32 or bool`);
  }
  return number;
}

/** The attribute that names a type. */
export const typeAttribute = (name: string, value: number): Attribute => ({
  name,
  type: nativeBackend().binding.TF_ATTR_TYPE,
  value,
});
