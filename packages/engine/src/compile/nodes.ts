import type * as tf from '@tensorflow/tfjs-core';

import { nativeBackend } from './binding.js';
import type { Attribute, GraphNode, Output } from './graph.js';

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

/** The attribute that names a type, or several. */
export const typeAttribute = (name: string, value: number | readonly number[]): Attribute => ({
  name,
  type: nativeBackend().binding.TF_ATTR_TYPE,
  value,
});

export const at = (node: string, index = 0): Output => ({ node, index });

export const keyOf = ({ node, index }: Output): string => `${node}:${index}`;

export const operation = (
  name: string,
  op: string,
  inputs: readonly Output[],
  ...attributes: readonly Attribute[]
): GraphNode => ({ name, op, inputs, attributes });

/** A node that hands a value on: TensorFlow does not give back what it was fed. */
export const identity = (name: string, output: Output, dtype: number): GraphNode =>
  operation(name, 'Identity', [output], typeAttribute('T', dtype));
