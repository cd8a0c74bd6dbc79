import { type Params, mapParams, normal, randomNormal, rng, vjp } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { type ExampleUse, exampleUses, gradientsByExample } from './example-uses.js';

/** Relative distance beyond which a gradient is not what its uses add up to. */
const TOLERANCE = 1e-3;

/** What a use looks like: of each example `rows` rows, of a weight (table, vector) of `width` rows and `out` columns. */
export interface UseShape extends Pick<ExampleUse, 'name' | 'kind'> {
  readonly rows: number;
  readonly width: number;
  readonly out: number;
}

/** How a function uses its parameters. */
export interface Inspection {
  /** Parameters about whose gradients the uses say everything, those without an effect among them. */
  readonly known: ReadonlySet<string>;
  /** The uses of these. */
  readonly shapes: readonly UseShape[];
}

const shapeOf = (f: () => tf.Tensor): number[] => {
  const result = tf.tidy(f);
  result.dispose();
  return result.shape;
};

/**
 * Looks at how a function uses its parameters: one random cotangent on a batch of examples, the uses of the examples, each taken a
 * random number of times, against the gradient for that. It takes two passes, and one forward pass where the result's shape is not given.
 *
 * @param f - the function of a batch; its result is `[B, ...]`
 * @param params - the parameters to look at; borrowed
 * @param shape - of the result
 */
export function inspectUses(
  f: (params: Params) => tf.Tensor,
  params: Params,
  shape: readonly number[] = shapeOf(() => f(params)),
): Inspection {
  const found: { names: string[]; shapes: UseShape[] } = { names: [], shapes: [] };
  tf.tidy(() => {
    const B = shape[0]!;
    const source = rng(0);
    const cotangent = randomNormal(source, [...shape]);
    const times = Array.from({ length: B }, () => 1 + Math.abs(normal(source)));
    const byExample = (rank: number): tf.Tensor =>
      tf.tensor(times, [B, ...new Array<number>(rank - 1).fill(1)]);
    const { uses } = exampleUses(f, params, cotangent);
    const { grads } = vjp(f, params, tf.mul(cotangent, byExample(shape.length)));
    const distances = mapParams(params, (parameter, name) =>
      tf.tidy(() => {
        const own = uses.filter((use) => use.name === name);
        const gradients = own.map(({ input, cotangent: rows, ...use }) => {
          const asOne = (x: tf.Tensor): tf.Tensor =>
            tf.reshape(x, [1, B * x.shape[1]!, ...x.shape.slice(2)]);
          const joined = {
            ...use,
            ...(input && { input: asOne(input) }),
            cotangent: asOne(tf.mul(rows, byExample(3))) as tf.Tensor3D,
          };
          return tf.reshape(gradientsByExample(joined, parameter.size), parameter.shape);
        });
        const exact = grads[name]!;
        const sum = gradients.length > 0 ? tf.addN(gradients) : tf.zerosLike(exact);
        return tf.stack([tf.norm(tf.sub(sum, exact)), tf.norm(exact)]);
      }),
    );
    for (const [name, pair] of Object.entries(distances)) {
      const [distance, norm] = pair.dataSync() as Float32Array;
      if (distance! <= TOLERANCE * norm!) found.names.push(name);
    }
    for (const { name, kind, cotangent: rows } of uses) {
      const [, R, out] = rows.shape;
      found.shapes.push({ name, kind, rows: R, width: params[name]!.size / out, out });
    }
  });
  const known = new Set(found.names);
  return { known, shapes: found.shapes.filter(({ name }) => known.has(name)) };
}

/** The names that {@link inspectUses} knows; all others need gradients of their own. */
export const knownParams = (
  f: (params: Params) => tf.Tensor,
  params: Params,
): ReadonlySet<string> => inspectUses(f, params).known;
