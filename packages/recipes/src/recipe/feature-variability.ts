import { yieldToEventLoop } from '@cfrl/engine';
import {
  centredMeanCosine,
  centredVarianceRatio,
  effectiveRank,
  meanCosine,
  stableRank,
} from '@cfrl/metrics';
import {
  type LayerFeatureOptions,
  type Sequence,
  type SequenceModel,
  layerFeatures,
} from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';

/** How far features vary; each is explained in the glossary of `@cfrl/metrics`. */
export interface Variability {
  /** How many features. */
  readonly contexts: number;
  readonly meanCosine: number;
  /** `null` where all features are equal. */
  readonly centredMeanCosine: number | null;
  readonly centredVarianceRatio: number;
  readonly effectiveRank: number;
  readonly stableRank: number;
}

/** Variability of one layer's features: over all contexts, and over those at one position. */
export interface LayerVariability {
  readonly all: Variability;
  /** Positions that at least two sequences have, ascending. */
  readonly positions: readonly (Variability & { readonly position: number })[];
}

/**
 * How far features vary ("limited feature variability"), layer by layer and position by position. Of a block it is what its first matrix
 * reads, the residual stream after the block's norm; `features` is what the classifier reads.
 *
 * @param model - as `sequenceModel` makes it; borrowed
 * @param sequences - each with the positions to look at; at least two contexts in all
 * @returns a record of layers, in the model's order
 * @throws as `layerFeatures`; RangeError if there is one context only
 * @see Tomihari 2026 (limited feature variability), https://arxiv.org/abs/2601.04670
 *
 * @example
 * ```ts
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: tokenizer.vocabSize, hiddenSize: 8, layers: 2, heads: 2, maxPositions: 4,
 * });
 * const model = sequenceModel({ config, params: initParams(config, 0), tokenizer });
 * const layers = await featureVariability(model, [{ tokens: [0, 1] }, { tokens: [1, 0] }]);
 * Object.keys(layers); // => ["layers.0", "layers.1", "features"]
 * layers.features.positions.map(({ position, contexts }) => [position, contexts]); // => [[0, 2], [1, 2]]
 * ```
 */
export async function featureVariability(
  model: SequenceModel,
  sequences: readonly Sequence[],
  options: LayerFeatureOptions = {},
): Promise<Readonly<Record<string, LayerVariability>>> {
  const { contexts, layers } = await layerFeatures(model, sequences, options);
  try {
    if (contexts.length < 2) {
      throw new RangeError(
        `featureVariability: sequences has ${contexts.length} position, expected at least 2 positions in all`,
      );
    }
    const places = [...new Set(contexts.map(({ position }) => position))].sort((a, b) => a - b);
    const result: Record<string, LayerVariability> = {};
    for (const [layer, features] of Object.entries(layers)) {
      await yieldToEventLoop(options.signal);
      const rows = features.arraySync();
      const positions = places.flatMap((position) => {
        const own = rows.filter((_, i) => contexts[i]!.position === position);
        return own.length < 2 ? [] : [{ position, ...variability(own) }];
      });
      result[layer] = { all: variability(rows), positions };
    }
    return result;
  } finally {
    tf.dispose(layers);
  }
}

function variability(features: readonly (readonly number[])[]): Variability {
  const ratio = centredVarianceRatio(features);
  return {
    contexts: features.length,
    meanCosine: meanCosine(features),
    centredMeanCosine: ratio === 0 ? null : centredMeanCosine(features),
    centredVarianceRatio: ratio,
    effectiveRank: effectiveRank(features),
    stableRank: stableRank(features),
  };
}
