import {
  type Params,
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  compile,
  disposeParams,
  gatherLogProbs,
  valueAndGrad,
} from '@cfrl/engine';
import { forward, initParams, modelConfig } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

import { tokenizer } from '../work/sizes.js';
import { medianTimes } from './timing.js';

/** A training step of some size. */
export interface Shape {
  readonly batch: number;
  readonly time: number;
  readonly width: number;
}

/** How fast it goes. */
export interface Point extends Shape {
  /** Which of the three was varied. */
  readonly varied: keyof Shape;
  readonly tokensPerSecond: number;
}

const base: Shape = { batch: 64, time: 32, width: 128 };
const variations: Readonly<Record<keyof Shape, readonly number[]>> = {
  batch: [4, 16, 64, 256],
  time: [16, 32, 64, 128],
  width: [32, 64, 128, 256],
};

/** Training steps of four layers over the range of each size, the others as in the model S. */
export function measureScaling(rounds: number, onPoint: () => void): Point[] {
  return (Object.keys(variations) as (keyof Shape)[]).flatMap((varied) =>
    variations[varied].map((value): Point => {
      const shape = { ...base, [varied]: value };
      const tokensPerSecond = measure(shape, rounds);
      onPoint();
      return { ...shape, varied, tokensPerSecond };
    }),
  );
}

function measure({ batch, time, width }: Shape, rounds: number): number {
  const config = modelConfig({
    ...{ architecture: 'gpt2', layers: 4, heads: 4, hiddenSize: width },
    ...{ vocabSize: tokenizer.vocabSize, maxPositions: time },
  });
  const params = initParams(config, 0);
  const optimizer = chain(clipByGlobalNorm(1), adamw({ learningRate: 1e-3 }));
  const moments: Params = { ...optimizer.init(params) };
  const tokens = tf.zeros<tf.Rank.R2>([batch, time], 'int32');
  const step = compile(() => {
    const { grads } = valueAndGrad((p) =>
      tf.neg(tf.mean(gatherLogProbs(forward(p, config, { tokens }).logits, tokens))),
    )(params);
    const { updates, state } = optimizer.update(grads, moments, params);
    return { params: applyUpdates(params, updates), state: { ...state } };
  });
  const [ms] = medianTimes([step], rounds);
  step.dispose();
  [params, moments, { tokens }].forEach(disposeParams);
  return (batch * time * 1000) / ms!;
}
