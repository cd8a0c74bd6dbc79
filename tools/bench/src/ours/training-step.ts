import {
  type Params,
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  compileWithState,
  disposeParams,
  gatherLogProbs,
  valueAndGrad,
} from '@cfrl/engine';
import { type LanguageModel, forward } from '@cfrl/model';
import { savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

import { type Program, jobOf } from './job.js';
import { type Batch, type Size, batchOf, freshModel, randomRows, sizes } from './model.js';

/** What one step is given, and how it is updated. */
const training = {
  batch: 64,
  time: 32,
  batches: 4,
  learningRate: 1e-3,
  weightDecay: 0.01,
  maxGradNorm: 1,
  /** Steps after the first whose losses are compared. */
  checkSteps: 3,
  seed: 1,
};

/** Forward, backward, clip, AdamW: from a batch to the loss, with parameters and moments kept between. */
export function trainer({ config, params: initial }: LanguageModel, xla = true) {
  const { learningRate, weightDecay, maxGradNorm } = training;
  const optimizer = chain(clipByGlobalNorm(maxGradNorm), adamw({ learningRate, weightDecay }));
  const moments: Params = { ...optimizer.init(initial) };
  const step = compileWithState(
    { params: initial, moments },
    ({ params, moments }, { inputs, targets }: Batch) => {
      const { value, grads } = valueAndGrad((p) => {
        const { logits } = forward(p, config, { tokens: inputs });
        return tf.neg(tf.mean<tf.Scalar>(gatherLogProbs(logits, targets)));
      })(params);
      const { updates, state } = optimizer.update(grads, moments, params);
      const next = { params: applyUpdates(params, updates), moments: { ...state } };
      return { state: next, output: { loss: value } };
    },
    { xla },
  );
  const release = (): void => {
    step.dispose();
    [initial, moments].forEach(disposeParams);
  };
  return { step, release };
}

/** A supervised step on whole sequences. */
export const prepareTrainingStep: Program = async ({ size }, folder) => {
  const { batch, time, batches, checkSteps, seed } = training;
  const model = freshModel(sizes[size as Size]);
  await savePretrained(folder, model);
  const rows = Array.from({ length: batches }, (_, i) => randomRows(seed + i, batch, time + 1));
  const data = rows.map(batchOf);
  const { step } = trainer(model);
  let steps = 0;
  const next = async (): Promise<number> => {
    const { loss } = step(data[steps++ % batches]!);
    const [value] = await loss.data();
    loss.dispose();
    return value!;
  };
  return jobOf(next, async (loss) => {
    const losses = [loss];
    while (losses.length <= checkSteps) losses.push(await next());
    return { check: { losses }, handoff: { work: training, folder, batches: rows } };
  });
};
