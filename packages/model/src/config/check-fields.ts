import { MOST_FLOAT32, type RotaryScaling, between, checkPositiveInteger } from '@cfrl/engine';

import { rotaryWidthOf } from '../architecture/derived.js';
import { VARIATIONS } from '../architecture/variations.js';
import { checkValue, oneOf } from '../check-value.js';
import type { ModelConfig, ModelVariation } from './types.js';

type Check = (where: string, value: never, config: ModelConfig) => unknown;

const positive = between(Number.MIN_VALUE, Number.MAX_VALUE);
const flag = oneOf(true, false);
const flagALayer = (where: string, value: unknown, { layers }: ModelConfig): void => {
  const flags = Array.isArray(value) ? (value as unknown[]) : [];
  const fits = flags.length === layers && flags.every((each) => typeof each === 'boolean');
  checkValue(where, value, fits, `${layers} booleans (one a layer)`);
};

/** The fields that every configuration has beside its architecture, in the order of the record. */
export const FIELD_CHECKS: Readonly<
  Record<keyof Omit<ModelConfig, keyof ModelVariation | 'architecture' | 'lora'>, Check>
> = {
  vocabSize: checkPositiveInteger,
  hiddenSize: checkPositiveInteger,
  intermediateSize: checkPositiveInteger,
  layers: checkPositiveInteger,
  heads: checkPositiveInteger,
  keyValueHeads: checkPositiveInteger,
  maxPositions: checkPositiveInteger,
  normEpsilon: between(Number.MIN_VALUE, 1),
  ropeTheta: between(1, Number.MAX_VALUE),
  tiedEmbeddings: (where, value: unknown) => {
    if (typeof value === 'boolean') return;
    throw new TypeError(`${where} is ${String(value)}, expected a boolean`);
  },
  initializerRange: between(0, MOST_FLOAT32),
};

const VARIATION_CHECKS: Readonly<Record<keyof ModelVariation, Check>> = {
  headDim: checkPositiveInteger,
  attentionBias: flag,
  mlpBias: flag,
  qkNorm: flag,
  parallelResidual: flag,
  activation: oneOf('gelu', 'geluTanh', 'relu'),
  partialRotaryFactor: between(Number.MIN_VALUE, 1),
  ropeScaling: checkRopeScaling,
  ropeLayers: flagALayer,
  localRopeTheta: between(1, Number.MAX_VALUE),
  slidingWindow: checkPositiveInteger,
  slidingLayers: flagALayer,
  queryScalar: positive,
  attentionSoftCap: positive,
  logitSoftCap: positive,
  logitScale: positive,
};

/** Refuses values that no configuration can have, and another architecture's variations, which would be without effect. */
export function checkFields(config: ModelConfig): void {
  const variations = VARIATIONS[config.architecture];
  const names = Object.keys(VARIATION_CHECKS) as (keyof ModelVariation)[];
  for (const [name, check] of Object.entries(FIELD_CHECKS)) {
    check(`validateConfig: ${name}`, config[name as keyof ModelConfig] as never, config);
  }
  for (const name of names.filter((each) => config[each] !== undefined)) {
    const where = `validateConfig: ${name}`;
    const none = `none: ${config.architecture} has no such variation`;
    checkValue(where, config[name], name in variations, none);
    VARIATION_CHECKS[name](where, config[name] as never, config);
  }
}

const SCALINGS: Readonly<Record<RotaryScaling['type'], readonly string[]>> = {
  linear: ['factor'],
  dynamic: ['factor', 'originalPositions'],
  llama3: ['factor', 'lowFrequencyFactor', 'highFrequencyFactor', 'originalPositions'],
  yarn: ['factor', 'originalPositions', 'betaFast', 'betaSlow', 'truncate', 'amplitude'],
  longrope: ['shortFactors', 'longFactors', 'originalPositions', 'amplitude'],
};

function checkRopeScaling(where: string, scaling: unknown): void {
  const type = (scaling as RotaryScaling | null)?.type as string;
  const expected = `a record with type ${Object.keys(SCALINGS).join(', ')}`;
  checkValue(where, scaling, Object.hasOwn(SCALINGS, type), expected);
  for (const name of SCALINGS[type as RotaryScaling['type']]) {
    const value = (scaling as Readonly<Record<string, unknown>>)[name];
    const fits = !name.endsWith('Factors') || Array.isArray(value);
    checkValue(`${where}.${name}`, value, fits, 'a list of numbers');
    const check = name === 'truncate' ? flag : positive;
    for (const each of [value].flat()) check(`${where}.${name}`, each as number);
  }
}

/** Refuses widths that cannot turn, and scalings that do not fit them. */
export function checkRotary(config: ModelConfig): void {
  const width = rotaryWidthOf(config);
  const { headDim, ropeScaling, partialRotaryFactor = 1 } = config;
  const fail = (problem: string): never => {
    throw new RangeError(`validateConfig: ${problem}`);
  };
  if (width % 2 !== 0 || width === 0) {
    const whole = headDim === undefined ? 'hiddenSize / heads' : 'headDim';
    const what =
      partialRotaryFactor === 1
        ? `${whole} is ${width}`
        : `partialRotaryFactor makes ${width} channels of a head turn`;
    fail(`${what}, expected an even number (rotary positions turn pairs)`);
  }
  if (ropeScaling?.type === 'longrope') {
    for (const name of ['shortFactors', 'longFactors'] as const) {
      const { length } = ropeScaling[name];
      if (length === width / 2) continue;
      fail(
        `ropeScaling.${name} has ${length} entries, expected ${width / 2} (half of the channels that turn)`,
      );
    }
  }
  if (ropeScaling?.type === 'dynamic' && width < 4) {
    fail(`${width} channels of a head turn, expected at least 4 for dynamic scaling`);
  }
}
