import { type Params, checkSameShape, jvp, mapParams, selectParams, showNames } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A model made linear in its parameters: its tangent at `params`, exactly. Trained in the place of the model it shows what training would
 * do if the features of the tangent kernel never moved; `lazyTraining` gives the same from the kernel.
 *
 *     linearize(f, params)(params2, x) = f(params, x) + J(x) (params2 - params)
 *
 * It can be differentiated with respect to `params2`, and compiled.
 *
 * @param apply - parameters and an input (or a batch of them) to a tensor of any shape; differentiable twice
 * @param params - where it is made linear; they must live as long as the function
 * @returns a function of parameters (one that is left out has not moved) and of inputs; the caller owns its result
 * @throws RangeError (from the returned function) if `params2` is empty, has an unknown name or another shape
 * @see Lee et al. 2019, eq. 5, https://arxiv.org/abs/1902.06720
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const square = linearize(({ w }, x) => tf.mul(tf.square(w), x), { w: tf.scalar(3) });
 * square({ w: tf.scalar(4) }, tf.tensor1d([1, 2])).arraySync(); // => [15, 30]
 * ```
 */
export function linearize<X>(
  apply: (params: Params, input: X) => tf.Tensor,
  params: Params,
): (params2: Params, input: X) => tf.Tensor {
  return (params2, input) => {
    for (const [name, moved] of Object.entries(params2)) {
      const parameter = params[name];
      if (parameter === undefined) {
        throw new RangeError(
          `linearize: params2 has '${name}', expected only ${showNames(Object.keys(params))}`,
        );
      }
      checkSameShape(`linearize: params2 '${name}'`, moved, parameter, 'its parameter');
    }
    return tf.tidy(() => {
      const own = selectParams(params, (name) => name in params2);
      const delta = mapParams(own, (parameter, name) => tf.sub(params2[name]!, parameter));
      const { value, tangent } = jvp((p) => apply(p, input), params, delta);
      return tf.add(value, tangent);
    });
  };
}
