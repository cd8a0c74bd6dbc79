import { type ParameterUse, type Params, parameterUses } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/** A use of a parameter, with the rows of each example apart. */
export interface ExampleUse extends Omit<ParameterUse, 'input' | 'cotangent'> {
  /** `[B, R, in]`; of an embedding int32 ids `[B, R]`; of a bias absent. */
  readonly input?: tf.Tensor;
  /** `[B, R, out]`. */
  readonly cotangent: tf.Tensor3D;
}

/**
 * The uses of parameters by a batch of `B` examples, one backward pass for all. A use whose rows do not divide by the examples (positions
 * embedded once for all of them, say) is left out: `inspectUses` tells.
 */
export function exampleUses(
  f: (params: Params) => tf.Tensor,
  params: Params,
  cotangent: tf.Tensor,
): { readonly value: tf.Tensor; readonly uses: readonly ExampleUse[] } {
  const { value, uses } = parameterUses(f, params, cotangent);
  const B = cotangent.shape[0]!;
  return {
    value,
    uses: uses
      .filter(({ cotangent: { shape } }) => shape[0] % B === 0)
      .map(({ input, cotangent: rows, ...use }) => ({
        ...use,
        ...(input && { input: tf.reshape(input, [B, -1, ...input.shape.slice(1)]) }),
        cotangent: tf.reshape(rows, [B, -1, rows.shape[1]]) as tf.Tensor3D,
      })),
  };
}

/** `table[ids]`, whichever way the table stands. */
const rowsOf = (table: tf.Tensor, ids: tf.Tensor, layout: ExampleUse['layout']): tf.Tensor =>
  tf.gather(
    layout === 'in-out' ? table : tf.transpose(table),
    tf.cast(ids, 'int32') as tf.Tensor1D,
  );

/**
 * What a change of the parameter does through each row of a use, to first order: `[B, R]`, the sum of which is `<gradient, change>`.
 *
 *     dense: <a_r change, delta_r>    embedding: <change[id_r], delta_r>    gain: <xhat_r change, delta_r>    bias: <change, delta_r>
 */
export function alongChange(
  { kind, layout, input, cotangent }: ExampleUse,
  change: tf.Tensor,
): tf.Tensor2D {
  return tf.tidy(() => {
    const [B, R, out] = cotangent.shape;
    const moved = (): tf.Tensor => {
      if (kind === 'bias') return change;
      if (kind === 'gain') return tf.mul(input!, change);
      if (kind === 'embedding') return rowsOf(change, input!, layout);
      const rows = tf.reshape(input!, [B * R, -1]) as tf.Tensor2D;
      return tf.reshape(tf.matMul(rows, change as tf.Tensor2D, false, layout === 'out-in'), [
        B,
        R,
        out,
      ]);
    };
    return tf.sum(tf.mul(moved(), cotangent), 2) as tf.Tensor2D;
  });
}

/** The gradient that the rows of a use add up to, an example at a time: `[B, size]`, as the parameter lies in memory. */
export function gradientsByExample(
  { kind, layout, input, cotangent }: ExampleUse,
  size: number,
): tf.Tensor2D {
  return tf.tidy(() => {
    const [B, , out] = cotangent.shape;
    if (kind === 'bias') return tf.sum(cotangent, 1) as tf.Tensor2D;
    if (kind === 'gain') return tf.sum(tf.mul(input!, cotangent), 1) as tf.Tensor2D;
    const inputs =
      kind === 'embedding'
        ? tf.cast(
            tf.equal(tf.expandDims(input!, 2), tf.range(0, size / out, 1, 'int32')),
            'float32',
          )
        : input!;
    const [left, right] = layout === 'in-out' ? [inputs, cotangent] : [cotangent, inputs];
    return tf.reshape(tf.matMul(left, right, true), [B, size]) as tf.Tensor2D;
  });
}
