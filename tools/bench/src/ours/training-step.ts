import {
  type Params,
  adamw,
  chain,
  clipByGlobalNorm,
  disposeParams,
  gatherLogProbs,
} from '@cfrl/engine';
import { forward } from '@cfrl/model';
import { savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

import { training } from '../work/work.js';
import { randomRows } from './data.js';
import { type PrepareJob, timed } from './job.js';
import { freshModel } from './model.js';
import { stepper } from './stepper.js';

const { batch, time, batches, checkSteps, learningRate, weightDecay, seed } = training;

/** A supervised step on whole sequences: forward, backward, clip, AdamW. */
export const prepareTrainingStep: PrepareJob = async ({ size, folder }) => {
  const model = freshModel(size);
  const { config } = model;
  await savePretrained(folder, model);
  const rows = Array.from({ length: batches }, (_, i) => randomRows(seed + i, batch, time + 1));
  const data = rows.map((tokens): Params => ({
    inputs: tf.tensor2d(
      tokens.map((row) => row.slice(0, -1)),
      [batch, time],
      'int32',
    ),
    targets: tf.tensor2d(
      tokens.map((row) => row.slice(1)),
      [batch, time],
      'int32',
    ),
  }));
  const loss = (params: Params, { inputs, targets }: Params): tf.Scalar => {
    const { logits } = forward(params, config, { tokens: inputs as tf.Tensor2D });
    return tf.neg(tf.mean<tf.Scalar>(gatherLogProbs(logits, targets!)));
  };
  const optimizer = chain(
    clipByGlobalNorm(training.maxGradNorm),
    adamw({ learningRate, weightDecay }),
  );
  const { step, release } = stepper(model.params, loss, optimizer);

  let steps = 0;
  const next = (): Promise<number> => step(data[steps++ % batches]!);
  const first = await timed(next);
  const losses = [first.result];
  while (losses.length <= checkSteps) losses.push(await next());
  return {
    check: { losses },
    firstMs: first.ms,
    handoff: { work: training, folder, batches: rows },
    iterate: async () => void (await next()),
    release: async () => {
      release();
      [...data, model.params].forEach(disposeParams);
    },
  };
};
