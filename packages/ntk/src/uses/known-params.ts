import { type Params, mapParams, randomNormal, rng, vjp } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { oneHotRows } from '../one-hot.js';
import { exampleUses, gradientsByExample } from './example-uses.js';

/** Relative distance beyond which a gradient is not what its uses add up to. */
const TOLERANCE = 1e-3;

/**
 * Which parameters a function uses in known ways only, so that uses say everything about their gradients: one random cotangent on a batch
 * of examples, the uses of the first example against the gradient of it alone. It takes two passes.
 *
 * @param f - the function of a batch; its result is `[B, ...]`
 * @param params - the parameters to look at; borrowed
 * @returns the names that are known; all others need gradients of their own
 */
export function knownParams(f: (params: Params) => tf.Tensor, params: Params): ReadonlySet<string> {
  const names = tf.tidy(() => {
    const { shape } = tf.tidy(() => f(params));
    const cotangent = randomNormal(rng(0), shape);
    const { uses } = exampleUses(f, params, cotangent);
    const first = tf.reshape(oneHotRows([0], shape[0]!), [
      shape[0]!,
      ...shape.slice(1).map(() => 1),
    ]);
    const { grads } = vjp(f, params, tf.mul(cotangent, first));
    const distances = mapParams(params, (parameter, name) =>
      tf.tidy(() => {
        const own = uses.filter((use) => use.name === name);
        const rows = own.map((use) => {
          const alone = {
            ...use,
            ...(use.input && { input: tf.slice(use.input, 0, 1) }),
            cotangent: tf.slice(use.cotangent, 0, 1),
          };
          return tf.reshape(gradientsByExample(alone, parameter.size), parameter.shape);
        });
        const exact = grads[name]!;
        const sum = rows.length > 0 ? tf.addN(rows) : tf.zerosLike(exact);
        return tf.stack([tf.norm(tf.sub(sum, exact)), tf.norm(exact)]);
      }),
    );
    const known = Object.entries(distances).filter(([, pair]) => {
      const [distance, norm] = pair.dataSync() as Float32Array;
      return distance! <= TOLERANCE * norm!;
    });
    return known.map(([name]) => name);
  });
  return new Set(names);
}
