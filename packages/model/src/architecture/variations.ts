import type { Architecture, ModelVariation } from '../config/types.js';

/** The variations of an architecture, with what is meant where a configuration says nothing. */
export type Variations = { readonly [K in keyof ModelVariation]?: ModelVariation[K] | undefined };

/** Rotary positions: how they are stretched, and the width of the heads that turn. */
const ROTARY = { headDim: undefined, ropeScaling: undefined } as const;
const SLIDING = { slidingWindow: undefined, slidingLayers: undefined } as const;
const LLAMA = { ...ROTARY, attentionBias: false, mlpBias: false } as const;
const GEMMA = { ...ROTARY, attentionBias: false } as const;

/** What models of an architecture may vary; anything else is the same for all of them. */
export const VARIATIONS: Readonly<Record<Architecture, Variations>> = {
  gpt2: {},
  gpt_neox: {
    ropeScaling: undefined,
    partialRotaryFactor: 1,
    attentionBias: true,
    parallelResidual: true,
    activation: 'gelu',
  },
  opt: { attentionBias: true, activation: 'relu' },
  llama: LLAMA,
  mistral: { ...ROTARY, slidingWindow: undefined },
  qwen2: { ...ROTARY, ...SLIDING },
  qwen3: { ...ROTARY, ...SLIDING, attentionBias: false },
  gemma: GEMMA,
  gemma2: {
    ...GEMMA,
    ...SLIDING,
    queryScalar: undefined,
    attentionSoftCap: undefined,
    logitSoftCap: undefined,
  },
  gemma3_text: {
    ...GEMMA,
    ...SLIDING,
    localRopeTheta: undefined,
    queryScalar: undefined,
    logitSoftCap: undefined,
  },
  phi3: { ...ROTARY, slidingWindow: undefined, partialRotaryFactor: 1 },
  olmo2: { ...ROTARY, attentionBias: false },
  smollm3: { ...LLAMA, ...SLIDING, ropeLayers: undefined },
  stablelm: {
    ropeScaling: undefined,
    partialRotaryFactor: 1,
    attentionBias: false,
    parallelResidual: false,
    qkNorm: false,
  },
  cohere: { ...ROTARY, attentionBias: false, qkNorm: false, logitScale: 1 },
};

/** Whether positions turn queries and keys; otherwise they are learned. */
export const hasRotary = (architecture: Architecture): boolean =>
  'ropeScaling' in VARIATIONS[architecture];
