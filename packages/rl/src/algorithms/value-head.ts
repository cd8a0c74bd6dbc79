import {
  type Params,
  checkPositiveInteger,
  checkSeed,
  fold,
  randomNormal,
  rng,
  checkTensor,
  showNames,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

const weightName = 'value_head.weight';
const biasName = 'value_head.bias';

/**
 * A critic's parameters: one linear map from the policy's features to a number. Weights are normal
 * with standard deviation `1 / sqrt(D + 1)`, the bias is 0.
 *
 * @param featureSize - `D`, the width of the policy's features
 * @param seed - integer in `[0, 2^53)`
 * @returns `value_head.weight` `[1, D]` and `value_head.bias` `[1]`; the caller owns them
 * @throws RangeError if `featureSize` is not a positive integer, or the seed is none
 * @see Stiennon et al. 2020, appendix B, https://arxiv.org/abs/2009.01325
 *
 * @example
 * ```ts
 * initValueHead(3, 7)['value_head.weight'].shape; // => [1, 3]
 * ```
 */
export function initValueHead(featureSize: number, seed: number): Params {
  checkPositiveInteger('initValueHead: featureSize', featureSize);
  checkSeed('initValueHead: seed', seed);
  const source = rng(fold(seed, 'value_head'));
  return {
    [weightName]: randomNormal(source, [1, featureSize], 1 / Math.sqrt(featureSize + 1)),
    [biasName]: tf.zeros([1]),
  };
}

/**
 * The critic's value of each prefix.
 *
 *     value(c) = <w, phi(c)> + b
 *
 * @param params - with `value_head.weight` `[1, D]` and `value_head.bias` `[1]`
 * @param features - `[B, T, D]`
 * @returns `[B, T]`, reward units. The caller owns the result.
 * @throws RangeError if the parameters are not there
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const params = { 'value_head.weight': tf.tensor2d([[1, 2]]), 'value_head.bias': tf.tensor1d([0.5]) };
 * valueHead(params, tf.tensor3d([[[3, 4]]])).arraySync(); // => [[11.5]]
 * ```
 */
export function valueHead(params: Params, features: tf.Tensor3D): tf.Tensor2D {
  const weight = params[weightName];
  const bias = params[biasName];
  if (weight === undefined || bias === undefined) {
    throw new RangeError(
      `valueHead: params has ${showNames(Object.keys(params))}, expected ${weightName} and ` +
        `${biasName}; make them with initValueHead`,
    );
  }
  if (bias.size !== 1) {
    throw new RangeError(
      `valueHead: ${biasName} has shape [${bias.shape.join(', ')}], expected [1]`,
    );
  }
  checkTensor('valueHead: features', features);
  if (features.rank !== 3 || features.shape[2] !== weight.size) {
    throw new RangeError(
      `valueHead: features has shape [${features.shape.join(', ')}], expected [B, T, ${weight.size}]`,
    );
  }
  return tf.tidy(() => {
    const [rows, columns, width] = features.shape;
    const flat = tf.reshape(features, [rows * columns, width]);
    const column = tf.reshape(weight, [width, 1]); // no transpose flag: slow on wasm
    return tf.reshape(tf.add(tf.matMul(flat, column), bias), [rows, columns]);
  });
}
