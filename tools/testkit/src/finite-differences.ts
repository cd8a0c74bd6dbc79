import * as tf from '@tensorflow/tfjs-core';

type Params = Readonly<Record<string, tf.Tensor>>;

/**
 * The gradient of a scalar function by central differences, one entry after the other, as flat
 * arrays under the parameters' names. In float32 a step of 1e-2 balances rounding and curvature.
 */
export function numericalGradient(
  f: (params: Params) => tf.Tensor,
  params: Params,
  h = 1e-2,
): Record<string, number[]> {
  const at = (name: string, index: number, shift: number): number =>
    tf.tidy(() => {
      const tensor = params[name]!;
      const values = Float32Array.from(tensor.dataSync());
      values[index]! += shift;
      return f({ ...params, [name]: tf.tensor(values, tensor.shape) }).dataSync()[0]!;
    });
  return Object.fromEntries(
    Object.entries(params).map(([name, tensor]) => [
      name,
      Array.from({ length: tensor.size }, (_, i) => (at(name, i, h) - at(name, i, -h)) / (2 * h)),
    ]),
  );
}
