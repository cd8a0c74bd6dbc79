import * as tf from '@tensorflow/tfjs-core';

import { MOST_ENTRIES, checkInRange, checkOptions, checkPositiveInteger } from '../check.js';

/**
 * The length to pad to so that few different lengths, and so few graphs, come about: the next multiple.
 *
 * @param length - what is needed, at least 1
 * @param multiple - what lengths are rounded up to
 * @returns the smallest multiple that is at least `length`
 * @throws RangeError if an argument is not a positive integer
 *
 * @example
 * ```ts
 * [1, 16, 17].map((length) => bucket(length, 16)); // => [16, 16, 32]
 * ```
 */
export function bucket(length: number, multiple: number): number {
  checkPositiveInteger('bucket: length', length);
  checkPositiveInteger('bucket: multiple', multiple);
  return Math.ceil(length / multiple) * multiple;
}

/**
 * A tensor made longer along one axis.
 *
 * @param length - how long the axis shall be, at least as long as it is
 * @param options - the axis (default the last), the value to fill with (default 0), and whether the padding comes before
 * @returns the padded tensor; the caller owns it
 * @throws RangeError if the axis does not exist or is longer than `length`
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * padTo(tf.tensor1d([1, 2]), 4).arraySync(); // => [1, 2, 0, 0]
 * padTo(tf.tensor2d([[1], [2]]), 3, { axis: 0, value: 7, before: true }).arraySync(); // => [[7], [1], [2]]
 * ```
 */
export function padTo<T extends tf.Tensor>(x: T, length: number, options: PadOptions = {}): T {
  checkOptions('padTo', options, ['axis', 'value', 'before']);
  const { axis = -1, value = 0, before = false } = options;
  checkInRange('padTo: length', length, 0, MOST_ENTRIES);
  if (Number.isNaN(value)) {
    throw new RangeError('padTo: value is NaN, expected a number');
  }
  const at = axis < 0 ? axis + x.rank : axis;
  const size = x.shape[at];
  if (size === undefined || !Number.isInteger(length) || size > length) {
    throw new RangeError(
      `padTo: x has shape [${x.shape.join(', ')}], expected axis ${axis} of at most length ${length}`,
    );
  }
  const paddings = x.shape.map((_, i): [number, number] => {
    const missing = i === at ? length - size : 0;
    return before ? [missing, 0] : [0, missing];
  });
  return size === length ? tf.clone(x) : tf.pad(x, paddings, value);
}

/** Options of {@link padTo}. */
export interface PadOptions {
  /** Which axis; negative ones count from the end. @defaultValue -1 */
  readonly axis?: number;
  /** What the new places hold. @defaultValue 0 */
  readonly value?: number;
  /** Whether the new places come before the old ones. @defaultValue false */
  readonly before?: boolean;
}
