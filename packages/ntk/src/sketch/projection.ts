import type { Params, Rng } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type ExampleUse, gradientsByExample } from '../uses/example-uses.js';
import { randomSigns } from './random-signs.js';

/** How gradients are made small: `blocks` sketches that are independent of one another, of `size x size` numbers each. */
export interface SketchShape {
  readonly blocks: number;
  readonly size: number;
}

/** Random signs for the two sides of a matrix: `[rows, blocks size]` and `[columns, blocks size]`. */
export interface Projection {
  readonly left: tf.Tensor2D;
  readonly right: tf.Tensor2D;
}

/** One projection a matrix; a parameter that has no more numbers than its sketch would have is taken whole, and has none. */
export function drawProjections(
  params: Params,
  { blocks, size }: SketchShape,
  sourceOf: (name: string) => Rng,
): Readonly<Record<string, Projection>> {
  const matrices = Object.entries(params).filter(
    ([, { rank, size: numbers }]) => rank === 2 && numbers > blocks * size ** 2,
  );
  return Object.fromEntries(
    matrices.map(([name, { shape }]) => {
      const source = sourceOf(name);
      const draw = (side: number): tf.Tensor2D =>
        randomSigns(source, [side, blocks * size], 1 / Math.sqrt(size));
      return [name, { left: draw(shape[0]!), right: draw(shape[1]!) }];
    }),
  );
}

/**
 * The gradient of each example, sketched, and never formed where there is a projection: `[B, blocks, size size]`, or `[B, 1, numbers]`
 * where there is none. Inner products of sketches are those of the gradients in expectation, block by block (Johnson and Lindenstrauss,
 * with signs for each side of a matrix):
 *
 *     Z = L^T (sum_r a_r delta_r^T) R / size = sum_r (L^T a_r) (R^T delta_r)^T / size,   E <Z, Z'> = <gradient, gradient'>
 */
export function sketchedGradients(
  use: ExampleUse,
  parameter: tf.Tensor,
  { blocks, size }: SketchShape,
  projection?: Projection,
): tf.Tensor3D {
  return tf.tidy(() => {
    const { kind, layout, input, cotangent } = use;
    const [B, R] = cotangent.shape;
    if (projection === undefined || kind === 'gain' || kind === 'bias')
      return tf.expandDims(gradientsByExample(use, parameter.size), 1);
    const [of, from] =
      layout === 'in-out'
        ? [projection.left, projection.right]
        : [projection.right, projection.left];
    /** `[B R, blocks size]` -> `[B, blocks, R, size]`. */
    const apart = (rows: tf.Tensor): tf.Tensor =>
      tf.transpose(tf.reshape(rows, [B, R, blocks, size]), [0, 2, 1, 3]);
    const projected = (rows: tf.Tensor, onto: tf.Tensor2D): tf.Tensor =>
      apart(tf.matMul(tf.reshape(rows, [B * R, -1]), onto));
    const a =
      kind === 'embedding'
        ? apart(tf.gather(of, tf.cast(tf.reshape(input!, [-1]), 'int32') as tf.Tensor1D))
        : projected(input!, of);
    const delta = projected(cotangent, from);
    const [first, second] = layout === 'in-out' ? [a, delta] : [delta, a];
    return tf.reshape(tf.matMul(first, second, true), [B, blocks, size * size]);
  });
}
