import type { Params } from '@cfrl/engine';
import type { SplitModel } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

import reference from '../fixtures/reference.json' with { type: 'json' };
import type { Context } from './models.js';

type Vector = readonly number[];

/** The two-layer network of the reference. */
export const mlp = (p: Params, xs: readonly Vector[]): tf.Tensor2D => {
  const x = tf.tensor2d(xs.map((row) => [...row]));
  const hidden = tf.tanh(tf.add(tf.matMul(x, p['w1'] as tf.Tensor2D), p['b1']!)) as tf.Tensor2D;
  return tf.add(tf.matMul(hidden, p['w2'] as tf.Tensor2D), p['b2']!) as tf.Tensor2D;
};

/** Its parameters; the caller owns them. */
export const mlpParams = (): Params => {
  const { w1, b1, w2, b2 } = reference.mlp.params;
  return {
    w1: tf.tensor2d(w1),
    b1: tf.tensor1d(b1),
    w2: tf.tensor2d(w2),
    b2: tf.tensor1d(b2),
  };
};

/** The tied language model of the reference; the caller owns its parameters. */
export const tiedModel = (): SplitModel<Context> => ({
  params: {
    embedding: tf.tensor2d(reference.tied.embedding),
    up: tf.tensor2d(reference.tied.body.up),
    down: tf.tensor2d(reference.tied.body.down),
  },
  classifier: 'embedding',
  tied: true,
  features: (params, contexts) =>
    tf.tidy(() => {
      const E = params['embedding'] as tf.Tensor2D;
      const counts = contexts.map((tokens) =>
        Array.from({ length: E.shape[0] }, (_, v) => {
          return tokens.filter((token) => token === v).length / tokens.length;
        }),
      );
      const bags = tf.matMul(tf.tensor2d(counts), E);
      const hidden = tf.tanh(tf.matMul(bags, params['up'] as tf.Tensor2D));
      return tf.matMul(hidden as tf.Tensor2D, params['down'] as tf.Tensor2D);
    }),
});

export { reference };
