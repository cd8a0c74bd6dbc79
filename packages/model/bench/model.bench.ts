/**
 * One training step and one generation of a small model. From packages/model:
 *
 *     CFRL_BACKEND=tensorflow npx vitest bench --run
 */
import {
  adamw,
  applyUpdates,
  disposeParams,
  gatherLogProbs,
  randomInt,
  rng,
  valueAndGrad,
} from '@cfrl/engine';
import type { OptState, Params } from '@cfrl/engine';
import { charTokenizer, forward, generate, initParams, modelConfig } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import { bench, describe } from 'vitest';

const tokenizer = charTokenizer('0123456789+-*/=()abcdefghijkl ');
const [BATCH, TIME] = [64, 16];
const options = { time: 2000, iterations: 5, warmupTime: 500, warmupIterations: 2 };

describe.each(['gpt2', 'llama'] as const)('%s, 2 layers x 64', (architecture) => {
  const config = modelConfig({
    architecture,
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 64,
    layers: 2,
    heads: 4,
    maxPositions: 64,
  });
  const optimizer = adamw({ learningRate: 1e-3 });
  let params: Params;
  let state: OptState;
  let tokens: tf.Tensor2D;
  const once = (): void => {
    if (tokens !== undefined) return;
    params = initParams(config, 1);
    state = optimizer.init(params);
    const source = rng(1);
    const ids = Int32Array.from({ length: BATCH * TIME }, () => randomInt(source, 30));
    tokens = tf.tensor2d(ids, [BATCH, TIME], 'int32');
  };
  const loss = (current: Params): tf.Scalar => {
    const { logits } = forward(current, config, { tokens });
    const before = tf.slice(logits, [0, 0, 0], [-1, TIME - 1, -1]);
    return tf.neg(tf.mean(gatherLogProbs(before, tf.slice(tokens, [0, 1], [-1, TIME - 1]))));
  };

  bench(
    'forward, 64 x 16 tokens',
    async () => {
      once();
      const { logits, features } = forward(params, config, { tokens });
      await logits.data();
      tf.dispose([logits, features]);
    },
    options,
  );
  bench(
    'loss and gradient, 64 x 16 tokens',
    async () => {
      once();
      const { value, grads } = valueAndGrad(loss)(params);
      await value.data();
      tf.dispose([value, grads as Record<string, tf.Tensor>]);
    },
    options,
  );
  bench(
    'training step with AdamW, 64 x 16 tokens',
    async () => {
      once();
      const [next, nextState, value] = tf.tidy(() => {
        const { value, grads } = valueAndGrad(loss)(params);
        const { updates, state: moments } = optimizer.update(grads, state, params);
        return [applyUpdates(params, updates), moments, value] as never;
      }) as unknown as [Params, OptState, tf.Scalar];
      await value.data();
      disposeParams({ ...params, value });
      disposeParams(state);
      [params, state] = [next, nextState];
    },
    options,
  );
  bench(
    'generate 8 tokens for 32 prompts x 8',
    async () => {
      once();
      const prompts = Array.from({ length: 32 }, (_, i) => `${i}+${i * 7}=`);
      await generate({ config, params, tokenizer }, prompts, {
        maxNewTokens: 8,
        groupSize: 8,
        stopTokens: [],
      });
    },
    options,
  );
});
