import { decompose, sketchDecomposition } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectClose } from './support/close.js';
import { onContexts, tinySequenceModel } from './support/sequence-models.js';

const sequences = [
  { tokens: [0, 3, 1, 4], positions: [3] },
  { tokens: [2, 2, 5], positions: [0, 2] },
  { tokens: [1] },
];
const exactly = { deflate: 99, sketches: 3 };

describe('sketchDecomposition', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([true, false])('with every direction exact it is decompose, tied %s', async (tied) => {
    const model = tinySequenceModel({ vocabulary: 6, width: 3, hidden: 4, tied }, 1);
    const exact = decompose(onContexts(model), sequences);
    const found = await sketchDecomposition(model, sequences, exactly);
    expectClose(found.representation.kernel.flat(), exact.representationKernel);
    expectClose(found.representation.norm.flat(), exact.representationNorm);
    expectClose(found.representation.trace.flat(), exact.representationTrace);
    expectClose(found.gradient.trace.value.flat(), exact.gradientTrace);
    expectClose(found.gradient.norm.value.flat(), exact.gradientNorm, { relative: 1e-4 });
    expectClose(found.gradient.trace.low.flat(), found.gradient.trace.high.flat());
    expect(found.cross !== undefined).toBe(tied);
  });
});
