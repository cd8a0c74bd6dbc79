import { fold, randomNormal, rng } from '@cfrl/engine';
import type { Params, RotaryScaling } from '@cfrl/engine';
import { ARCHITECTURES, initParams, modelConfig } from '@cfrl/model';
import type { Architecture, ModelConfig } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';

/** Options of an architecture's own, drawn or left out. */
const variations = ({ layers, headWidth }: { layers: number; headWidth: number }) => {
  const flags = fc.array(fc.boolean(), { minLength: layers, maxLength: layers });
  const positive = fc.constantFrom(0.5, 2, 7);
  const factors = fc.array(fc.constantFrom(1, 1.5, 4), {
    minLength: headWidth / 2,
    maxLength: headWidth / 2,
  });
  const originalPositions = fc.constantFrom(2, 5, 30);
  const scaling: fc.Arbitrary<RotaryScaling> = fc.oneof(
    fc.record({ type: fc.constant('linear' as const), factor: positive }),
    fc.record({
      type: fc.constant('llama3' as const),
      factor: fc.constantFrom(2, 8),
      lowFrequencyFactor: fc.constant(1),
      highFrequencyFactor: fc.constantFrom(2, 4),
      originalPositions,
    }),
    fc.record({
      type: fc.constant('yarn' as const),
      factor: fc.constantFrom(2, 8),
      originalPositions,
      betaFast: fc.constantFrom(4, 32),
      betaSlow: fc.constantFrom(1, 2),
      truncate: fc.boolean(),
      amplitude: fc.constantFrom(1, 1.2),
    }),
    fc.record({
      type: fc.constant('longrope' as const),
      ...{ shortFactors: factors, longFactors: factors, originalPositions },
      amplitude: fc.constantFrom(1, 1.2),
    }),
  );
  return {
    headDim: fc.constant(headWidth),
    attentionBias: fc.boolean(),
    mlpBias: fc.boolean(),
    qkNorm: fc.boolean(),
    parallelResidual: fc.boolean(),
    activation: fc.constantFrom('gelu' as const, 'geluTanh' as const, 'relu' as const),
    ropeScaling: scaling,
    ropeLayers: flags,
    localRopeTheta: fc.constantFrom(37, 500),
    slidingWindow: fc.integer({ min: 1, max: 5 }),
    slidingLayers: flags,
    queryScalar: positive,
    attentionSoftCap: positive,
    logitSoftCap: positive,
    logitScale: positive,
  };
};

/** What each architecture may have of them; see `ModelVariation`. */
const OWN: Readonly<Record<Architecture, readonly (keyof ReturnType<typeof variations>)[]>> = {
  gpt2: [],
  gpt_neox: ['ropeScaling', 'attentionBias', 'parallelResidual', 'activation'],
  opt: ['activation', 'attentionBias'],
  llama: ['headDim', 'ropeScaling', 'attentionBias', 'mlpBias'],
  mistral: ['headDim', 'ropeScaling', 'slidingWindow'],
  qwen2: ['headDim', 'ropeScaling', 'slidingWindow', 'slidingLayers'],
  qwen3: ['headDim', 'ropeScaling', 'slidingWindow', 'slidingLayers', 'attentionBias'],
  gemma: ['headDim', 'ropeScaling', 'attentionBias'],
  gemma2: [
    ...(['headDim', 'ropeScaling', 'attentionBias', 'slidingWindow', 'slidingLayers'] as const),
    ...(['queryScalar', 'attentionSoftCap', 'logitSoftCap'] as const),
  ],
  gemma3_text: [
    ...(['headDim', 'ropeScaling', 'attentionBias', 'slidingWindow', 'slidingLayers'] as const),
    ...(['queryScalar', 'localRopeTheta', 'logitSoftCap'] as const),
  ],
  phi3: ['headDim', 'slidingWindow'],
  olmo2: ['headDim', 'ropeScaling', 'attentionBias'],
  smollm3: [
    ...(['headDim', 'ropeScaling', 'attentionBias', 'mlpBias'] as const),
    ...(['slidingWindow', 'slidingLayers', 'ropeLayers'] as const),
  ],
  stablelm: ['ropeScaling', 'attentionBias', 'parallelResidual', 'qkNorm'],
  cohere: ['headDim', 'ropeScaling', 'attentionBias', 'qkNorm', 'logitScale'],
};

const LEARNED: ReadonlySet<Architecture> = new Set(['gpt2', 'opt']);
const ONE_KEY_A_HEAD: ReadonlySet<Architecture> = new Set(['gpt2', 'opt', 'gpt_neox']);

/** Small configurations of all architectures, every field drawn. */
export const configs = (
  vocabSize: fc.Arbitrary<number> = fc.integer({ min: 3, max: 12 }),
  architectures: readonly Architecture[] = ARCHITECTURES,
) =>
  fc
    .record({
      architecture: fc.constantFrom(...architectures),
      vocabSize,
      headWidth: fc.constantFrom(2, 4, 6),
      keyValueHeads: fc.integer({ min: 1, max: 2 }),
      group: fc.integer({ min: 1, max: 3 }),
      intermediateSize: fc.integer({ min: 1, max: 20 }),
      layers: fc.integer({ min: 1, max: 3 }),
      maxPositions: fc.integer({ min: 6, max: 20 }),
      normEpsilon: fc.constantFrom(1e-6, 1e-5, 1e-3),
      ropeTheta: fc.constantFrom(37, 10000, 500000),
      tiedEmbeddings: fc.boolean(),
      initializerRange: fc.constantFrom(0.02, 0.3),
    })
    .chain((sizes) => {
      const all = variations(sizes);
      const own = Object.fromEntries(OWN[sizes.architecture].map((name) => [name, all[name]]));
      const drawn = fc.record(own as Partial<typeof all>, { requiredKeys: [] });
      return fc.tuple(fc.constant(sizes), drawn, fc.boolean());
    })
    .map(([{ headWidth, keyValueHeads, group, ropeTheta, ...rest }, own, wide]): ModelConfig => {
      const { architecture, normEpsilon } = rest;
      const heads = keyValueHeads * group;
      // Heads that do not fill the stream, where headDim was drawn.
      const width = own.headDim === undefined || !wide ? heads * headWidth : heads * headWidth + 3;
      const layered = own.slidingWindow === undefined ? { slidingLayers: undefined } : {};
      const given = Object.entries({ ...own, ...layered }).filter(
        ([, value]) => value !== undefined,
      );
      const options = {
        ...rest,
        heads,
        hiddenSize: width,
        keyValueHeads: ONE_KEY_A_HEAD.has(architecture) ? heads : keyValueHeads,
        ropeTheta: LEARNED.has(architecture) ? 10000 : ropeTheta, // without effect there, and not written
        normEpsilon: architecture === 'opt' ? 1e-5 : normEpsilon, // the only one there
        ...Object.fromEntries(given),
      };
      // Without a window in any layer there is none.
      const config = modelConfig(options);
      const { slidingWindow: _, slidingLayers: flags, ...plain } = config;
      return flags !== undefined && !flags.includes(true) ? plain : config;
    });

/** Parameters that are all random, gains and biases as well; the caller owns them. */
export function randomParams(config: ModelConfig, seed: number, std = 0.3): Params {
  const initial = initParams(config, 0);
  const random = Object.entries(initial).map(([name, { shape }]) =>
    tf.tidy(() => {
      const noise = randomNormal(rng(fold(seed, name)), shape, std);
      // A gain is 1 at the start, unless the model adds 1 itself.
      const isGain = /norm|ln_\w/.test(name) && initial[name]!.dataSync()[0] === 1;
      return [name, isGain ? tf.add(noise, 1) : noise] as never;
    }),
  );
  tf.dispose(initial as Record<string, tf.Tensor>);
  return Object.fromEntries(random) as Params;
}

export const matrix = (rows: readonly (readonly number[])[]): tf.Tensor2D =>
  tf.tensor2d(rows.flat(), [rows.length, rows[0]!.length], 'int32');

/** A record without one entry. */
export const without = <T>(record: Readonly<Record<string, T>>, name: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => key !== name));
