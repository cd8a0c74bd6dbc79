import { disposeParams } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { freshModel } from '../ours/model.js';
import { trainer } from '../ours/training-step.js';
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
      onPoint();
      const shape = { ...base, [varied]: value };
      return { ...shape, varied, tokensPerSecond: measure(shape, rounds) };
    }),
  );
}

function measure({ batch, time, width }: Shape, rounds: number): number {
  const model = freshModel({ layers: 4, heads: 4, hiddenSize: width }, time);
  const { step, release } = trainer(model, false);
  const tokens = tf.zeros<tf.Rank.R2>([batch, time], 'int32');
  const [ms] = medianTimes([() => step({ inputs: tokens, targets: tokens })], rounds);
  release();
  disposeParams({ tokens });
  return (batch * time * 1000) / ms!;
}
