import * as tf from '@tensorflow/tfjs-core';

/**
 * How the wavelengths of rotary positions are stretched for longer sequences than those of training.
 * `originalPositions` is the longest of training. A plain record, so that a configuration can hold it.
 */
export type RotaryScaling =
  /** Positions are divided by the factor. */
  | { readonly type: 'linear'; readonly factor: number }
  /** Longer sequences than `originalPositions` have a larger base, by their own length. */
  | { readonly type: 'dynamic'; readonly factor: number; readonly originalPositions: number }
  /** Long wavelengths are stretched, short ones are not, and those between them are by a share. */
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  /** As `llama3` by another ramp; queries and keys are also multiplied by `amplitude`. */
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly originalPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Whether the ramp starts and ends at whole channels. */
      readonly truncate: boolean;
      readonly amplitude: number;
    }
  /** A factor a pair of channels: one list up to `originalPositions`, one for longer sequences. */
  | {
      readonly type: 'longrope';
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly originalPositions: number;
      readonly amplitude: number;
    };

/** The frequencies of `d / 2` pairs, radians a position, and what the tables are multiplied by. */
interface Frequencies {
  readonly values: readonly number[];
  readonly amplitude: number;
  /** Those of sequences of given lengths `[..., 1]`, where they depend on them: `[..., d / 2]`. */
  readonly ofLengths?: (lengths: tf.Tensor) => tf.Tensor;
}

/** What the scalings start from. */
interface Plain {
  readonly values: readonly number[];
  readonly width: number;
  readonly theta: number;
}

type Scalings = {
  readonly [K in RotaryScaling['type']]: (
    plain: Plain,
    scaling: Extract<RotaryScaling, { type: K }>,
  ) => Frequencies;
};

const clamp = (x: number): number => Math.min(1, Math.max(0, x));

/** `whole` share of each frequency as it is, the rest divided by the factor. */
const mixed = (
  values: readonly number[],
  factor: number,
  whole: (value: number, i: number) => number,
): number[] =>
  values.map((value, i) => {
    const share = whole(value, i);
    return share * value + ((1 - share) * value) / factor;
  });

const SCALINGS: Scalings = {
  linear: ({ values }, { factor }) => ({
    values: values.map((value) => value / factor),
    amplitude: 1,
  }),

  dynamic: ({ values, width }, { factor, originalPositions }) => ({
    values,
    amplitude: 1,
    // base' = base (factor L / L0 - (factor - 1))^(d / (d - 2)), so frequency i falls by the power 2 i / (d - 2)
    ofLengths: (lengths) => {
      const powers = values.map((_, i) => (-2 * i) / (width - 2));
      const longest = tf.maximum(tf.cast(lengths, 'float32'), originalPositions);
      const growth = tf.sub(tf.mul(longest, factor / originalPositions), factor - 1);
      return tf.mul(tf.exp(tf.mul(tf.log(growth), tf.tensor1d(powers))), tf.tensor1d([...values]));
    },
  }),

  llama3: ({ values }, { factor, originalPositions, ...bounds }) => {
    const { lowFrequencyFactor: low, highFrequencyFactor: high } = bounds;
    // Turns in the length of training: few are stretched, many are not.
    const whole = (value: number): number =>
      clamp(((originalPositions * value) / (2 * Math.PI) - low) / (high - low));
    return { values: mixed(values, factor, whole), amplitude: 1 };
  },

  yarn: ({ values, width, theta }, { factor, originalPositions, ...rest }) => {
    // The channel that makes so many turns in the length of training.
    const channel = (turns: number): number =>
      (width * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
    const [from, to] = [channel(rest.betaFast), channel(rest.betaSlow)];
    const low = Math.max(rest.truncate ? Math.floor(from) : from, 0);
    const high = Math.min(rest.truncate ? Math.ceil(to) : to, width - 1);
    const span = high === low ? 0.001 : high - low;
    const whole = (_: number, i: number): number => 1 - clamp((i - low) / span);
    return { values: mixed(values, factor, whole), amplitude: rest.amplitude };
  },

  longrope: ({ values }, { shortFactors, longFactors, originalPositions, amplitude }) => {
    const divided = (factors: readonly number[]): number[] =>
      values.map((value, i) => value / factors[i]!);
    const [short, long] = [divided(shortFactors), divided(longFactors)];
    return {
      values: short,
      amplitude,
      ofLengths: (lengths) => {
        const isLong = tf.cast(
          tf.greater(lengths, tf.scalar(originalPositions, 'int32')),
          'float32',
        );
        return tf.add(
          tf.mul(isLong, tf.tensor1d(long)),
          tf.mul(tf.sub(1, isLong), tf.tensor1d(short)),
        );
      },
    };
  },
};

function checkScaling(where: string, width: number, scaling: RotaryScaling): void {
  if (scaling.type === 'dynamic' && width < 4) {
    throw new RangeError(`${where}: width is ${width}, expected at least 4 for dynamic scaling`);
  }
  if (scaling.type !== 'longrope') return;
  for (const name of ['shortFactors', 'longFactors'] as const) {
    if (scaling[name].length === width / 2) continue;
    throw new RangeError(
      `${where}: scaling.${name} has ${scaling[name].length} entries, expected ${width / 2} (width / 2)`,
    );
  }
}

/** The frequencies `theta^(-2 i / d)` of `d / 2` pairs, scaled. */
export function rotaryFrequencies(
  where: string,
  width: number,
  theta: number,
  scaling?: RotaryScaling,
): Frequencies {
  const values = Array.from({ length: width / 2 }, (_, i) => theta ** ((-2 * i) / width));
  if (scaling === undefined) return { values, amplitude: 1 };
  checkScaling(where, width, scaling);
  const scale = SCALINGS[scaling.type] as (plain: Plain, scaling: RotaryScaling) => Frequencies;
  return scale({ values, width, theta }, scaling);
}
