import type { RotaryScaling } from '@cfrl/engine';

import type { ModelConfig, ModelVariation } from '../config/types.js';
import { VARIATIONS, hasRotary } from './variations.js';

/** What a configuration says of a variation, or what is usual in its architecture. */
export const variation = <K extends keyof ModelVariation>(
  config: ModelConfig,
  name: K,
): ModelVariation[K] | undefined => config[name] ?? VARIATIONS[config.architecture][name];

export const headDimOf = ({
  headDim,
  hiddenSize,
  heads,
}: Pick<ModelConfig, 'headDim' | 'hiddenSize' | 'heads'>): number => headDim ?? hiddenSize / heads;

/** Channels of a head that turn. */
export const rotaryWidthOf = (config: ModelConfig): number =>
  Math.trunc(headDimOf(config) * (config.partialRotaryFactor ?? 1));

/** The longest sequence that a model reads at once: dynamic scaling is there to go past `maxPositions`. */
export const longestSequence = ({ maxPositions, ropeScaling }: ModelConfig): number =>
  ropeScaling?.type === 'dynamic'
    ? Math.floor(ropeScaling.originalPositions * ropeScaling.factor)
    : maxPositions;

/** What a layer's attention sees and how it turns. */
export interface LayerPlan {
  readonly window?: number;
  /** Base and scaling of rotary positions; absent: queries and keys do not turn. */
  readonly rotary?: { readonly theta: number; readonly scaling?: RotaryScaling };
}

export function layerPlan(config: ModelConfig, index: number): LayerPlan {
  const { slidingWindow, slidingLayers, ropeLayers, localRopeTheta, ropeTheta } = config;
  const slides = slidingWindow !== undefined && (slidingLayers?.[index] ?? true);
  const turns = hasRotary(config.architecture) && (ropeLayers?.[index] ?? true);
  const rotary =
    slides && localRopeTheta !== undefined
      ? { theta: localRopeTheta }
      : { theta: ropeTheta, ...(config.ropeScaling && { scaling: config.ropeScaling }) };
  return { ...(slides && { window: slidingWindow }), ...(turns && { rotary }) };
}
