import * as tf from '@tensorflow/tfjs-core';

/** A tensor whose axes carry letters, one each. */
interface Labelled {
  readonly axes: string;
  readonly tensor: tf.Tensor;
}

/**
 * Einstein summation of one or two tensors by transposes and one batched matrix product. No letter may occur twice in
 * one operand, and there is no ellipsis, as in TensorFlow.js.
 *
 * @returns The result in the equation's order of axes. The caller owns it.
 */
export function einsum(equation: string, operands: readonly tf.Tensor[]): tf.Tensor {
  const [left = '', output = ''] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  return tf.tidy(() => {
    const labelled = operands.map((tensor, i) => ({ axes: terms[i]!, tensor }));
    const kept = labelled.map((term, i) => {
      const others = terms.filter((_, j) => j !== i).join('');
      return sumOut(
        term,
        [...term.axes].filter((axis) => !(output + others).includes(axis)),
      );
    });
    const result = kept.length === 1 ? kept[0]! : contract(kept[0]!, kept[1]!, output);
    const ordered = arrange(result, output);
    // A result that is an operand itself would be disposed with it.
    return operands.includes(ordered) ? tf.clone(ordered) : ordered;
  });
}

/** `[batch, freeA, shared] x [batch, shared, freeB] -> [batch, freeA, freeB]` */
function contract(a: Labelled, b: Labelled, output: string): Labelled {
  const common = [...a.axes].filter((axis) => b.axes.includes(axis));
  const batch = common.filter((axis) => output.includes(axis)).join('');
  const shared = common.filter((axis) => !output.includes(axis)).join('');
  const freeA = [...a.axes].filter((axis) => !b.axes.includes(axis)).join('');
  const freeB = [...b.axes].filter((axis) => !a.axes.includes(axis)).join('');
  const size = (term: Labelled, axes: string): number =>
    tf.util.sizeFromShape([...axes].map((axis) => term.tensor.shape[term.axes.indexOf(axis)]!));
  const flatten = (term: Labelled, groups: readonly string[]): tf.Tensor3D =>
    tf.reshape(
      arrange(term, groups.join('')),
      groups.map((axes) => size(term, axes)) as [number, number, number],
    );
  const product = tf.matMul(flatten(a, [batch, freeA, shared]), flatten(b, [batch, shared, freeB]));
  const shape = [...batch, ...freeA].map((axis) => size(a, axis));
  const tensor = tf.reshape(product, [...shape, ...[...freeB].map((axis) => size(b, axis))]);
  return { axes: batch + freeA + freeB, tensor };
}

function sumOut({ axes, tensor }: Labelled, gone: readonly string[]): Labelled {
  if (gone.length === 0) return { axes, tensor };
  const left = [...axes].filter((axis) => !gone.includes(axis)).join('');
  return {
    axes: left,
    tensor: tf.sum(
      tensor,
      gone.map((axis) => axes.indexOf(axis)),
    ),
  };
}

function arrange({ axes, tensor }: Labelled, order: string): tf.Tensor {
  if (axes === order) return tensor;
  return tf.transpose(
    tensor,
    [...order].map((axis) => axes.indexOf(axis)),
  );
}
