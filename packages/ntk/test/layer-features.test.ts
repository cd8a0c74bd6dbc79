import { layerFeatures } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectClose } from './support/close.js';
import { tinySequenceModel } from './support/sequence-models.js';

const sequences = [
  { tokens: [0, 3, 1, 4], positions: [1, 3] },
  { tokens: [2, 2, 5] },
  { tokens: [1] },
];

describe('layerFeatures', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('is what goes into the first matrix of each layer, at each position', async () => {
    const model = tinySequenceModel({ vocabulary: 6, width: 3, hidden: 4 }, 1);
    const { contexts, layers } = await layerFeatures(model, sequences);
    expect(contexts).toEqual([
      ...[1, 3].map((position) => ({ sequence: 0, position })),
      ...[0, 1, 2].map((position) => ({ sequence: 1, position })),
      { sequence: 2, position: 0 },
    ]);
    expect(Object.keys(layers)).toEqual(['layers.0', 'layers.1', 'features']);
    // By hand: the mean embedding up to the position, then the layer after it.
    const p = (name: string) => model.params[`model.${name}`]!;
    const means = contexts.map(({ sequence, position }) => {
      const ids = sequences[sequence]!.tokens.slice(0, position + 1);
      return tf.mean(tf.gather(p('embed_tokens.weight'), tf.tensor1d(ids, 'int32')), 0);
    });
    const first = tf.stack(means) as tf.Tensor2D;
    expectClose(layers['layers.0']!, first);
    const up = tf.matMul(first, p('layers.0.mlp.up_proj.weight') as tf.Tensor2D, false, true);
    expectClose(layers['layers.1']!, tf.tanh(tf.add(up, p('layers.0.mlp.up_proj.bias'))));
    const tokens = tf.tensor2d([[0, 3, 1, 4]], undefined, 'int32');
    const phi = model.features(model.params, { tokens, attentionMask: tf.onesLike(tokens) });
    expectClose(tf.slice(layers['features']!, 0, 2), tf.gather(tf.squeeze(phi, [0]), [1, 3]));
  });

  it('does not depend on batches, and frees what it made', async () => {
    const model = tinySequenceModel({ vocabulary: 6, width: 3, hidden: 4 }, 2);
    const whole = await layerFeatures(model, sequences);
    const before = tf.memory().numTensors;
    const { layers } = await layerFeatures(model, sequences, { maxBytes: 300 });
    for (const [layer, features] of Object.entries(whole.layers)) {
      expectClose(layers[layer]!, features);
    }
    tf.dispose(layers);
    const stopped = layerFeatures(model, sequences, { signal: AbortSignal.abort(new Error('no')) });
    await expect(stopped).rejects.toThrow('no');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('rejects bad arguments', async () => {
    const model = tinySequenceModel({ vocabulary: 6, width: 3, hidden: 4 }, 3);
    const call = async (...given: Parameters<typeof layerFeatures>) =>
      expect(await layerFeatures(...given).catch(String));
    (await call({} as never, sequences)).toMatchInlineSnapshot(
      `"TypeError: layerFeatures: model has no features(params, batch) and logits(params, features), expected a SequenceModel; of a language model sequenceModel(model) makes one"`,
    );
    (await call(model, [])).toMatchInlineSnapshot(
      `"RangeError: layerFeatures: sequences is empty, expected at least one entry"`,
    );
    (await call(model, sequences, { maxBytes: 1 })).toMatchInlineSnapshot(
      `"RangeError: layerFeatures: maxBytes is 1, expected at least 288 (one sequence of 4 tokens)"`,
    );
    (
      await call({ ...model, features: () => tf.zeros([2, 3, 1]) }, sequences)
    ).toMatchInlineSnapshot(
      `"RangeError: layerFeatures: model.features has shape [2, 3, 1], expected [3, 4, width] (sequences, tokens)"`,
    );
  });
});
