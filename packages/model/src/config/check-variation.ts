import { type RotaryScaling, checkInRange, checkPositiveInteger } from '@cfrl/engine';

import { rotaryWidthOf } from '../architecture/derived.js';
import { VARIATIONS } from '../architecture/variations.js';
import type { ModelConfig, ModelVariation } from './types.js';

type Check = (where: string, value: unknown, config: ModelConfig) => void;

const positive: Check = (where, value) => {
  checkInRange(where, value as number, Number.MIN_VALUE, Number.MAX_VALUE);
};
const positiveInteger: Check = (where, value) => {
  checkPositiveInteger(where, value as number);
};
const oneOf =
  (...values: readonly unknown[]): Check =>
  (where, value) => {
    if (values.includes(value)) return;
    const expected = values.map((each) => JSON.stringify(each)).join(' or ');
    throw new RangeError(`${where} is ${JSON.stringify(value)}, expected ${expected}`);
  };
const flag = oneOf(true, false);
const flagALayer: Check = (where, value, { layers }) => {
  const flags = Array.isArray(value) ? (value as unknown[]) : [];
  if (flags.length === layers && flags.every((each) => typeof each === 'boolean')) return;
  throw new RangeError(
    `${where} is ${JSON.stringify(value)}, expected ${layers} booleans (one a layer)`,
  );
};

const CHECKS: Readonly<Record<keyof ModelVariation, Check>> = {
  headDim: positiveInteger,
  attentionBias: flag,
  mlpBias: flag,
  qkNorm: flag,
  parallelResidual: flag,
  activation: oneOf('gelu', 'geluTanh', 'relu'),
  partialRotaryFactor: (where, value) => {
    checkInRange(where, value as number, Number.MIN_VALUE, 1);
  },
  ropeScaling: (where, value, config) => {
    checkRopeScaling(where, value as RotaryScaling, config);
  },
  ropeLayers: flagALayer,
  localRopeTheta: (where, value) => {
    checkInRange(where, value as number, 1, Number.MAX_VALUE);
  },
  slidingWindow: positiveInteger,
  slidingLayers: flagALayer,
  queryScalar: positive,
  attentionSoftCap: positive,
  logitSoftCap: positive,
  logitScale: positive,
};

/** Refuses another architecture's variations, which would be without effect, and values that none can have. */
export function checkVariation(config: ModelConfig): void {
  const variations = VARIATIONS[config.architecture];
  for (const name of Object.keys(CHECKS) as (keyof ModelVariation)[]) {
    const value = config[name];
    if (value === undefined) continue;
    if (!(name in variations)) {
      throw new RangeError(
        `validateConfig: ${name} is ${JSON.stringify(value)}, expected none: ${config.architecture} has no such variation`,
      );
    }
    CHECKS[name](`validateConfig: ${name}`, value, config);
  }
}

/** The numbers of each scaling. */
const SCALINGS: Readonly<Record<RotaryScaling['type'], readonly string[]>> = {
  linear: ['factor'],
  dynamic: ['factor', 'originalPositions'],
  llama3: ['factor', 'lowFrequencyFactor', 'highFrequencyFactor', 'originalPositions'],
  yarn: ['factor', 'originalPositions', 'betaFast', 'betaSlow', 'truncate', 'amplitude'],
  longrope: ['shortFactors', 'longFactors', 'originalPositions', 'amplitude'],
};

function checkRopeScaling(where: string, scaling: RotaryScaling, config: ModelConfig): void {
  const type = (scaling as RotaryScaling | null)?.type as string;
  if (!Object.hasOwn(SCALINGS, type)) {
    throw new RangeError(
      `${where} is ${JSON.stringify(scaling)}, expected a record with type ${Object.keys(SCALINGS).join(', ')}`,
    );
  }
  for (const name of SCALINGS[scaling.type]) {
    const value = scaling[name as keyof RotaryScaling] as unknown;
    if (name.endsWith('Factors') && !Array.isArray(value)) {
      throw new RangeError(
        `${where}.${name} is ${JSON.stringify(value)}, expected a list of numbers`,
      );
    }
    const check = name === 'truncate' ? flag : positive;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const each of values) check(`${where}.${name}`, each, config);
  }
}

/** Refuses widths that cannot turn, and scalings that do not fit them. */
export function checkRotary(config: ModelConfig): void {
  const width = rotaryWidthOf(config);
  const { ropeScaling, partialRotaryFactor = 1 } = config;
  if (width % 2 !== 0 || width === 0) {
    const { headDim } = config;
    const whole =
      headDim === undefined ? `hiddenSize / heads is ${width}` : `headDim is ${headDim}`;
    const what =
      partialRotaryFactor === 1
        ? whole
        : `partialRotaryFactor makes ${width} channels of a head turn`;
    throw new RangeError(
      `validateConfig: ${what}, expected an even number (rotary positions turn pairs)`,
    );
  }
  if (ropeScaling?.type === 'longrope') {
    for (const name of ['shortFactors', 'longFactors'] as const) {
      if (ropeScaling[name].length === width / 2) continue;
      throw new RangeError(
        `validateConfig: ropeScaling.${name} has ${ropeScaling[name].length} entries, expected ${width / 2} (half of the channels that turn)`,
      );
    }
  }
  if (ropeScaling?.type === 'dynamic' && width < 4) {
    throw new RangeError(
      `validateConfig: ${width} channels of a head turn, expected at least 4 for dynamic scaling`,
    );
  }
}
