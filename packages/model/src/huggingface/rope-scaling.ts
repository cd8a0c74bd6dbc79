import type { RotaryScaling } from '@cfrl/engine';

import type { Architecture, ModelConfig } from '../config/types.js';
import { FORMATS, type HuggingFaceConfig } from './formats.js';

type Json = Readonly<Record<string, unknown>>;
type Fail = (problem: string) => never;

/** What a file says of rotary positions. */
export type Rope = Partial<
  Pick<ModelConfig, 'ropeTheta' | 'ropeScaling' | 'partialRotaryFactor' | 'localRopeTheta'>
>;

const ORIGINAL = 'original_max_position_embeddings';

/** The keys of version 4, by architecture; version 5 has `rope_parameters`. */
const THETA: Readonly<Partial<Record<Architecture, string>>> = { gpt_neox: 'rotary_emb_base' };
const SHARE: Readonly<Partial<Record<Architecture, string>>> = { gpt_neox: 'rotary_pct' };

export const ropeKeys = (architecture: Architecture): string[] => [
  'rope_parameters',
  'rope_scaling',
  ORIGINAL,
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

/** The parameters, the field that has them, and those of the layers with a window. */
type Parameters = Readonly<{ name: string; parameters: Json; local: Json }>;

/** The parameters, where one record is for all layers. */
function parametersOf(json: HuggingFaceConfig, fail: Fail): Parameters {
  for (const name of ['rope_scaling', 'rope_parameters']) {
    const value = json[name];
    if (value === undefined || value === null) continue;
    if (!isObject(value)) return fail(`${name} is ${JSON.stringify(value)}, expected an object`);
    if (LAYER_TYPES.some((type) => type in value)) {
      return fail(`${name} has parameters for types of layers, expected one for all of them`);
    }
    if (Object.keys(value).length > 0) return { name, parameters: value, local: {} };
  }
  return { name: 'rope_parameters', parameters: {}, local: {} };
}

/** Whether both say something, and the same. */
const areEqual = (a: Json, b: Json): boolean =>
  Object.keys(a).length > 0 && JSON.stringify(a) === JSON.stringify(b);

/** Gemma 3: one record a type of layer (version 5), or scaling of the full ones only (version 4). */
function parametersByLayer(json: HuggingFaceConfig, fail: Fail): Parameters {
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
  const parameters = { ...full, ...((json['rope_scaling'] ?? {}) as Json) };
  return { name: 'rope_parameters', parameters, local: sliding };
}

const amplitudeOfYarn = (factor: number, mscale = 1): number =>
  factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;

type Type = 'default' | RotaryScaling['type'];

/** The fields of each scaling, with the keys of transformers' parameters. */
const KEYS: Readonly<Record<Type, Readonly<Record<string, string>>>> = {
  default: {},
  linear: { factor: 'factor' },
  dynamic: { factor: 'factor', originalPositions: ORIGINAL },
  llama3: {
    factor: 'factor',
    lowFrequencyFactor: 'low_freq_factor',
    highFrequencyFactor: 'high_freq_factor',
    originalPositions: ORIGINAL,
  },
  yarn: {
    factor: 'factor',
    originalPositions: ORIGINAL,
    betaFast: 'beta_fast',
    betaSlow: 'beta_slow',
    truncate: 'truncate',
    amplitude: 'attention_factor',
  },
  longrope: {
    shortFactors: 'short_factor',
    longFactors: 'long_factor',
    originalPositions: ORIGINAL,
    amplitude: 'attention_factor',
  },
};

/** Keys that each type may have beside its fields; any other would have no effect, or is not computed here. */
const OTHER_KEYS: Readonly<Record<string, readonly string[]>> = {
  yarn: ['mscale', 'mscale_all_dim'],
  longrope: ['factor'],
};
const COMMON = ['rope_type', 'type', 'rope_theta', 'partial_rotary_factor'];

/** What transformers takes for keys that are absent; a key without a default has to be there. */
function defaultsOf(type: Type, p: Json, original: number, longest: number): Json {
  const factor = (p['factor'] ?? longest / original) as number;
  const { mscale, mscale_all_dim: all } = p as Readonly<Record<string, number | undefined>>;
  switch (type) {
    case 'default':
    case 'linear':
      return {};
    case 'yarn':
      return {
        [ORIGINAL]: original,
        factor,
        beta_fast: 32,
        beta_slow: 1,
        truncate: true,
        attention_factor:
          mscale && all
            ? amplitudeOfYarn(factor, mscale) / amplitudeOfYarn(factor, all)
            : amplitudeOfYarn(factor),
      };
    case 'longrope':
      return {
        [ORIGINAL]: original,
        attention_factor: factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original)),
      };
    default:
      return { [ORIGINAL]: original };
  }
}

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
  if (typeof type !== 'string' || !Object.hasOwn(KEYS, type)) {
    const types = Object.keys(KEYS).join(', ');
    return fail(`${name} has type ${JSON.stringify(given)}, expected one of ${types}`);
  }
  const longest = json['max_position_embeddings'] as number;
  const outside = json[ORIGINAL] ?? (architecture === 'phi3' ? 4096 : undefined);
  // For dynamic scaling transformers reads no other length than the file's.
  const original = (
    type === 'dynamic' ? longest : (outside ?? parameters[ORIGINAL] ?? longest)
  ) as number;
  const keys = KEYS[type as Type];
  const defaults = defaultsOf(type as Type, parameters, original, longest);
  const known = [...COMMON, ...Object.values(keys), ...(OTHER_KEYS[type] ?? [])];
  for (const key of Object.keys(parameters)) {
    if (!known.includes(key) && parameters[key] !== null) {
      fail(`${name} has '${key}', expected only ${known.join(', ')} for type "${type}"`);
    }
  }
  for (const key of Object.values(keys)) {
    if ((parameters[key] ?? defaults[key]) === undefined) {
      fail(`${name} has no '${key}', expected one for type "${type}"`);
    }
  }
  if (type === 'default') return undefined;
  const valueOf = (key: string): unknown =>
    key === ORIGINAL ? original : (parameters[key] ?? defaults[key]);
  const fields = Object.entries(keys).map(([ours, key]) => [ours, valueOf(key)]);
  return { type, ...Object.fromEntries(fields) } as unknown as RotaryScaling;
}

/** Reads both spellings: `rope_theta` with `rope_scaling` (version 4), `rope_parameters` (version 5). */
export function readRope(architecture: Architecture, json: HuggingFaceConfig, fail: Fail): Rope {
  const { defaults } = FORMATS[architecture];
  const byLayer = architecture === 'gemma3_text';
  const { name, parameters, local } = (byLayer ? parametersByLayer : parametersOf)(json, fail);
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
    // Layers with a window that rotate as the others do have no base of their own.
    ...(byLayer && !areEqual(parameters, local) && { localRopeTheta: localTheta as number }),
  };
}

/** The parameters of a scaling, by transformers' names. */
const written = ({ type, ...fields }: RotaryScaling): Json => ({
  rope_type: type,
  ...Object.fromEntries(
    Object.entries(KEYS[type])
      .filter(([, key]) => type !== 'dynamic' || key !== ORIGINAL)
      .map(([ours, key]) => [key, (fields as Json)[ours]]),
  ),
});

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
      ? { [ORIGINAL]: ropeScaling.originalPositions }
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
