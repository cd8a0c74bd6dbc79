import type { RotaryScaling } from '@cfrl/engine';

import type { Architecture, ModelConfig } from '../config/types.js';
import { FORMATS, type HuggingFaceConfig } from './formats.js';

type Json = Readonly<Record<string, unknown>>;
type Fail = (problem: string) => never;

/** What a file says of rotary positions. */
export type Rope = Partial<
  Pick<ModelConfig, 'ropeTheta' | 'ropeScaling' | 'partialRotaryFactor' | 'localRopeTheta'>
>;

/** The keys of version 4, by architecture; version 5 has `rope_parameters`. */
const THETA: Readonly<Partial<Record<Architecture, string>>> = { gpt_neox: 'rotary_emb_base' };
const SHARE: Readonly<Partial<Record<Architecture, string>>> = { gpt_neox: 'rotary_pct' };

export const ropeKeys = (architecture: Architecture): string[] => [
  'rope_parameters',
  'rope_scaling',
  'original_max_position_embeddings',
  THETA[architecture] ?? 'rope_theta',
  SHARE[architecture] ?? 'partial_rotary_factor',
  ...(architecture === 'gemma3_text' ? ['rope_local_base_freq'] : []),
];

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Both spellings of the type. */
const typeOf = (parameters: Json): unknown =>
  parameters['rope_type'] ?? parameters['type'] ?? 'default';

const LAYER_TYPES = ['full_attention', 'sliding_attention'] as const;

/** The parameters, where one record is for all layers. */
function parametersOf(json: HuggingFaceConfig, fail: Fail): { name: string; parameters: Json } {
  for (const name of ['rope_scaling', 'rope_parameters']) {
    const value = json[name];
    if (value === undefined || value === null) continue;
    if (!isObject(value)) return fail(`${name} is ${JSON.stringify(value)}, expected an object`);
    if (LAYER_TYPES.some((type) => type in value)) {
      return fail(`${name} has parameters for types of layers, expected one for all of them`);
    }
    if (Object.keys(value).length > 0) return { name, parameters: value };
  }
  return { name: 'rope_parameters', parameters: {} };
}

/** Whether both say something, and the same. */
const areEqual = (a: Json, b: Json): boolean =>
  Object.keys(a).length > 0 && JSON.stringify(a) === JSON.stringify(b);

/** Gemma 3: one record a type of layer (version 5), or scaling of the full ones only (version 4). */
function parametersByLayer(json: HuggingFaceConfig, fail: Fail): [Json, Json] {
  const all = json['rope_parameters'] ?? {};
  if (!isObject(all)) return fail(`rope_parameters is ${JSON.stringify(all)}, expected an object`);
  const [full, sliding] = LAYER_TYPES.map((type) => all[type] ?? {}) as [Json, Json];
  const unknown = Object.keys(all).find((name) => !LAYER_TYPES.includes(name as never));
  if (unknown !== undefined) {
    fail(`rope_parameters has '${unknown}', expected ${LAYER_TYPES.join(' and ')}`);
  }
  if (typeOf(sliding) !== 'default' && !areEqual(full, sliding)) {
    fail(
      `rope_parameters has type ${JSON.stringify(typeOf(sliding))} for sliding_attention, expected "default" or the parameters of full_attention`,
    );
  }
  return [{ ...full, ...((json['rope_scaling'] ?? {}) as Json) }, sliding];
}

const amplitudeOfYarn = (factor: number, mscale = 1): number =>
  factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;

type Numbers = Readonly<Partial<Record<string, number>>>;

/** What each type of scaling reads, as transformers does. */
const READERS: Readonly<
  Record<string, (p: Json, original: number, longest: number) => RotaryScaling>
> = {
  linear: (p) => ({ type: 'linear', factor: p['factor'] as number }),
  // The original length is that of the file; transformers reads no other here.
  dynamic: (p, _, longest) => ({
    type: 'dynamic',
    factor: p['factor'] as number,
    originalPositions: longest,
  }),
  llama3: (p, originalPositions) => ({
    type: 'llama3',
    factor: p['factor'] as number,
    lowFrequencyFactor: p['low_freq_factor'] as number,
    highFrequencyFactor: p['high_freq_factor'] as number,
    originalPositions,
  }),
  yarn: (p, originalPositions, longest) => {
    const { mscale, mscale_all_dim: all } = p as Numbers;
    const factor = (p['factor'] ?? longest / originalPositions) as number;
    const byScale =
      mscale && all
        ? amplitudeOfYarn(factor, mscale) / amplitudeOfYarn(factor, all)
        : amplitudeOfYarn(factor);
    return {
      ...{ type: 'yarn', factor, originalPositions },
      betaFast: (p['beta_fast'] ?? 32) as number,
      betaSlow: (p['beta_slow'] ?? 1) as number,
      truncate: (p['truncate'] ?? true) as boolean,
      amplitude: (p['attention_factor'] ?? byScale) as number,
    };
  },
  longrope: (p, originalPositions, longest) => {
    const factor = (p['factor'] ?? longest / originalPositions) as number;
    const byLength =
      factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalPositions));
    return {
      type: 'longrope',
      shortFactors: p['short_factor'] as number[],
      longFactors: p['long_factor'] as number[],
      originalPositions,
      amplitude: (p['attention_factor'] ?? byLength) as number,
    };
  },
};

/** Keys of the parameters, by type; any other would be without effect, or is one that is not computed. */
const COMMON = ['rope_type', 'type', 'rope_theta', 'partial_rotary_factor'];
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  default: [],
  linear: ['factor'],
  dynamic: ['factor'],
  llama3: ['factor', 'low_freq_factor', 'high_freq_factor'],
  yarn: [],
  longrope: ['short_factor', 'long_factor'],
};
const OPTIONAL: Readonly<Record<string, readonly string[]>> = {
  dynamic: ['original_max_position_embeddings'],
  llama3: ['original_max_position_embeddings'],
  yarn: [
    ...['factor', 'original_max_position_embeddings', 'attention_factor', 'beta_fast'],
    ...['beta_slow', 'mscale', 'mscale_all_dim', 'truncate'],
  ],
  longrope: ['factor', 'original_max_position_embeddings', 'attention_factor'],
};

function scalingOf(
  architecture: Architecture,
  json: HuggingFaceConfig,
  name: string,
  parameters: Json,
  fail: Fail,
): RotaryScaling | undefined {
  const given = typeOf(parameters);
  // The first files of Phi-3 have older names.
  const old = architecture === 'phi3' && (given === 'su' || given === 'yarn');
  const type = old ? 'longrope' : given;
  if (typeof type !== 'string' || !Object.hasOwn(REQUIRED, type)) {
    return fail(
      `${name} has type ${JSON.stringify(given)}, expected one of ${Object.keys(REQUIRED).join(', ')}`,
    );
  }
  const known = [...COMMON, ...REQUIRED[type]!, ...(OPTIONAL[type] ?? [])];
  for (const key of Object.keys(parameters)) {
    if (!known.includes(key) && parameters[key] !== null) {
      fail(`${name} has '${key}', expected only ${known.join(', ')} for type "${type}"`);
    }
  }
  for (const key of REQUIRED[type]!) {
    if (parameters[key] === undefined || parameters[key] === null) {
      fail(`${name} has no '${key}', expected one for type "${type}"`);
    }
  }
  if (type === 'default') return undefined;
  const longest = json['max_position_embeddings'] as number;
  const outside =
    json['original_max_position_embeddings'] ?? (architecture === 'phi3' ? 4096 : undefined);
  const original = outside ?? parameters['original_max_position_embeddings'] ?? longest;
  return READERS[type]!(parameters, original as number, longest);
}

/** Reads both spellings: `rope_theta` with `rope_scaling` (version 4), `rope_parameters` (version 5). */
export function readRope(architecture: Architecture, json: HuggingFaceConfig, fail: Fail): Rope {
  const { defaults } = FORMATS[architecture];
  const byLayer = architecture === 'gemma3_text';
  const [first, local]: [Json | undefined, Json] = byLayer
    ? parametersByLayer(json, fail)
    : [undefined, {}];
  const { name, parameters } =
    first === undefined ? parametersOf(json, fail) : { name: 'rope_parameters', parameters: first };
  const scaling = scalingOf(architecture, json, name, parameters, fail);
  const theta = parameters['rope_theta'] ?? json[THETA[architecture] ?? 'rope_theta'];
  const share =
    parameters['partial_rotary_factor'] ??
    json[SHARE[architecture] ?? 'partial_rotary_factor'] ??
    defaults.partialRotaryFactor;
  const localTheta = local['rope_theta'] ?? json['rope_local_base_freq'] ?? defaults.localRopeTheta;
  return {
    ropeTheta: (theta ?? defaults.ropeTheta ?? 10000) as number,
    ...(scaling && { ropeScaling: scaling }),
    ...(share !== undefined && { partialRotaryFactor: share as number }),
    // Windows that turn as the other layers do have no base of their own.
    ...(byLayer && !areEqual(parameters, local) && { localRopeTheta: localTheta as number }),
  };
}

/** The parameters of a scaling, by transformers' names. */
function written(scaling: RotaryScaling): Json {
  switch (scaling.type) {
    case 'linear':
    case 'dynamic':
      return { rope_type: scaling.type, factor: scaling.factor };
    case 'llama3':
      return {
        rope_type: 'llama3',
        factor: scaling.factor,
        low_freq_factor: scaling.lowFrequencyFactor,
        high_freq_factor: scaling.highFrequencyFactor,
        original_max_position_embeddings: scaling.originalPositions,
      };
    case 'yarn':
      return {
        rope_type: 'yarn',
        factor: scaling.factor,
        original_max_position_embeddings: scaling.originalPositions,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        truncate: scaling.truncate,
        attention_factor: scaling.amplitude,
      };
    case 'longrope':
      return {
        rope_type: 'longrope',
        short_factor: scaling.shortFactors,
        long_factor: scaling.longFactors,
        original_max_position_embeddings: scaling.originalPositions,
        attention_factor: scaling.amplitude,
      };
  }
}

/** Writes both spellings; the inverse of {@link readRope}. */
export function writeRope(config: ModelConfig): Json {
  const { architecture, ropeTheta, ropeScaling, partialRotaryFactor = 1 } = config;
  const scaling = ropeScaling ? written(ropeScaling) : { rope_type: 'default' };
  const share =
    'partialRotaryFactor' in FORMATS[architecture].defaults || partialRotaryFactor !== 1;
  const partial = share ? { partial_rotary_factor: partialRotaryFactor } : {};
  const parameters = { ...scaling, rope_theta: ropeTheta, ...partial };
  const outside =
    architecture === 'phi3' && ropeScaling !== undefined && 'originalPositions' in ropeScaling
      ? { original_max_position_embeddings: ropeScaling.originalPositions }
      : {};
  const version4 = {
    [THETA[architecture] ?? 'rope_theta']: ropeTheta,
    ...(share && { [SHARE[architecture] ?? 'partial_rotary_factor']: partialRotaryFactor }),
    ...(ropeScaling && { rope_scaling: scaling }),
    ...outside,
  };
  if (architecture !== 'gemma3_text') return { ...version4, rope_parameters: parameters };
  const { localRopeTheta } = config;
  if (localRopeTheta === undefined) {
    return { rope_parameters: { full_attention: parameters, sliding_attention: parameters } };
  }
  return {
    ...version4,
    rope_local_base_freq: localRopeTheta,
    rope_parameters: {
      full_attention: parameters,
      sliding_attention: { rope_type: 'default', rope_theta: localRopeTheta },
    },
  };
}
