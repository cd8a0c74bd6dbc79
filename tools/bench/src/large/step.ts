/** A process of its own that trains SmolLM2-135M from random weights by AdamW as its argument says, and prints what it took, as JSON. */
import {
  type GradientSum,
  type Params,
  adamw,
  applyUpdates,
  chain,
  classifierScores,
  clipByGlobalNorm,
  compile,
  countParams,
  disposeParams,
  gradientSum,
  mapParams,
  meanGradient,
  mergeParams,
  selectParams,
  useBackend,
} from '@cfrl/engine';
import {
  addLora,
  bodyFeatures,
  classifierLogits,
  classifierName,
  initParams,
  isLora,
  modelConfig,
} from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

import { type Batch, batchOf, randomRows } from '../ours/model.js';

/** What to train on, and how. */
export interface StepOptions {
  /** Whether blocks are computed again in the gradient. */
  readonly rematerialize: boolean;
  /** Micro-batches of a step, sequences in each, and tokens of a sequence. */
  readonly microBatches: number;
  readonly rows: number;
  readonly time: number;
  readonly steps: number;
  /** Whether adapters of rank 16 are trained instead of all parameters. */
  readonly lora: boolean;
}

/** The sizes of SmolLM2-135M. */
const config = modelConfig({
  architecture: 'llama',
  vocabSize: 49_152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  keyValueHeads: 3,
  maxPositions: 8192,
  ropeTheta: 100_000,
  tiedEmbeddings: true,
});

const options = JSON.parse(process.argv[2]!) as StepOptions;
const { rows, time, microBatches, steps, lora } = options;
const { threads } = await useBackend('tensorflow');
const fresh = { config, params: initParams(config, 0) };
const model = lora ? addLora(fresh, { rank: 16, alpha: 32 }, 0) : fresh;
const trains = lora ? isLora : (): boolean => true;
const frozen = selectParams(model.params, (name) => !trains(name));
const optimizer = chain(clipByGlobalNorm(1), adamw({ learningRate: 1e-3 }));

/** The sum of the cross-entropies of a micro-batch, and how many there are. */
const loss =
  (fixed: Params, { inputs, targets }: Batch) =>
  (trained: Params) => {
    const params = mergeParams(fixed, trained);
    const { logProbs } = classifierScores(
      (x, p) => classifierLogits(p, config, x),
      bodyFeatures(params, model.config, { tokens: inputs }, options),
      selectParams(params, (name) => name === classifierName(config)),
      targets,
    );
    return { sum: tf.neg(tf.sum(logProbs)), weight: tf.scalar(targets.size) };
  };
const accumulate = compile(
  (fixed: Params, trained: Params, before: GradientSum, batch: Batch): GradientSum =>
    gradientSum(loss(fixed, batch))(trained, before),
);
const update = compile((trained: Params, moments: Params, sum: GradientSum) => {
  const { value, grads } = meanGradient(sum);
  const { updates, state } = optimizer.update(grads, moments, trained);
  return { trained: applyUpdates(trained, updates), moments: { ...state }, value };
});
const disposeSum = ({ value, weight, grads }: GradientSum): void =>
  disposeParams({ ...grads, value, weight });

const batches = Array.from({ length: microBatches }, (_, i) =>
  batchOf(randomRows(i, rows, time + 1)),
);
let trained = selectParams(model.params, trains);
let moments: Params = optimizer.init(trained);
const losses: number[] = [];
const seconds: number[] = [];
while (losses.length < steps) {
  const start = performance.now();
  const grads = mapParams(trained, (p) => tf.zerosLike(p));
  let sum: GradientSum = { value: tf.scalar(0), weight: tf.scalar(0), grads };
  for (const batch of batches) {
    const next = accumulate(frozen, trained, sum, batch);
    disposeSum(sum);
    sum = next;
  }
  const next = update(trained, moments, sum);
  disposeSum(sum);
  [trained, moments].forEach(disposeParams);
  ({ trained, moments } = next);
  losses.push((await next.value.data())[0]!);
  next.value.dispose();
  seconds.push((performance.now() - start) / 1000);
}
const report = {
  parameters: countParams(fresh.params),
  trained: countParams(trained),
  /** Of a step. */
  tokens: rows * time * microBatches,
  threads,
  /** Nats a token, before each step. */
  losses,
  /** Of each step; the first one records the graphs. */
  seconds,
  peakMebibytes: Math.round(process.resourceUsage().maxRSS / 1024),
};
console.log(JSON.stringify(report));

/** What it took. */
export type StepReport = typeof report;
