import { centredVarianceRatio, effectiveRank, meanCosine } from '@cfrl/metrics';
import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
import { layerFeatures } from '@cfrl/ntk';
import { featureVariability, sequenceModel } from '@cfrl/recipes';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const tokenizer = charTokenizer('abcdef');
const sequences = [
  { tokens: [0, 3, 1, 4], positions: [0, 3] },
  { tokens: [0, 2, 5] },
  { tokens: [0, 5, 2, 1] },
];

describe('featureVariability', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(['llama', 'gpt2'] as const)(
    'is that of each layer and position of %s',
    async (architecture) => {
      const config = modelConfig({
        ...{ architecture, vocabSize: tokenizer.vocabSize },
        ...{ hiddenSize: 8, layers: 2, heads: 2, maxPositions: 4 },
      });
      const model = sequenceModel({ config, params: initParams(config, 0), tokenizer });
      const found = await featureVariability(model, sequences);
      const { contexts, layers } = await layerFeatures(model, sequences);
      expect(Object.keys(found)).toEqual(['layers.0', 'layers.1', 'features']);
      for (const [layer, { all, positions }] of Object.entries(found)) {
        const rows = layers[layer]!.arraySync();
        expect(rows[0]!.length).toBe(8);
        expect(all.contexts).toBe(9);
        expect(all.meanCosine).toBe(meanCosine(rows));
        expect(all.effectiveRank).toBe(effectiveRank(rows));
        expect(positions.map(({ position, contexts: n }) => [position, n])).toEqual([
          ...[
            [0, 3],
            [1, 2],
            [2, 2],
            [3, 2],
          ],
        ]);
        const last = rows.filter((_, i) => contexts[i]!.position === 3);
        expect(positions[3]!.centredVarianceRatio).toBe(centredVarianceRatio(last));
        // The first token is the same in all, and nothing came before it.
        expect(positions[0]!.centredVarianceRatio).toBeLessThan(1e-12);
        expect(positions[0]!.effectiveRank).toBeCloseTo(1, 5);
      }
    },
  );

  it('rejects a single context', async () => {
    const config = modelConfig({
      ...{ architecture: 'llama', vocabSize: tokenizer.vocabSize },
      ...{ hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4 },
    });
    const model = sequenceModel({ config, params: initParams(config, 0), tokenizer });
    await expect(
      featureVariability(model, [{ tokens: [0] }]),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RangeError: featureVariability: sequences has 1 position, expected at least 2 positions in all]`,
    );
  });
});
