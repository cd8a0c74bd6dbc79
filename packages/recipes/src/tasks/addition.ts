import { checkInRange, checkPositiveInteger, fold, rng, shuffle } from '@cfrl/engine';

import type { CharacterTask, TextPrompt } from './task.js';

/** Options of {@link addition}. */
export interface AdditionOptions {
  /** Digits of each operand. @defaultValue 2 */
  readonly digits?: number;
  /** Problems kept out of training. @defaultValue 256 */
  readonly heldOut?: number;
  /** Seed of the split into training and held-out problems. @defaultValue 0 */
  readonly seed?: number;
}

/**
 * Addition of two numbers, character by character: `07+45=` is to be continued with `052`. Operands
 * and sums have fixed widths, so every completion of the right form has the same number of tokens.
 * The reward is 1 for the right sum and 0 for anything else.
 *
 * @param options - size of the problems and of the held-out part
 * @returns the task; the same options give the same split
 * @throws RangeError if an option is no positive integer, or nothing would be left to train on
 *
 * @example
 * ```ts
 * const task = addition({ digits: 1, heldOut: 20 });
 * [task.train.length, task.heldOut.length, task.maxNewTokens]; // => [80, 20, 2]
 * task.reward('12', { prompt: '5+7=', answer: '12' }); // => 1
 * ```
 */
export function addition({
  digits = 2,
  heldOut = 256,
  seed = 0,
}: AdditionOptions = {}): CharacterTask {
  checkPositiveInteger('addition: digits', digits);
  checkInRange('addition: digits', digits, 1, 3);
  checkPositiveInteger('addition: heldOut', heldOut);
  const count = 10 ** digits;
  checkInRange('addition: heldOut', heldOut, 1, count * count - 1);

  const text = (value: number, width: number): string => String(value).padStart(width, '0');
  const problems: TextPrompt[] = [];
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < count; b++) {
      problems.push({
        prompt: `${text(a, digits)}+${text(b, digits)}=`,
        answer: text(a + b, digits + 1),
      });
    }
  }
  const order = shuffle(rng(fold(seed, 'addition', digits)), problems);
  return {
    name: 'addition',
    description: `addition of two numbers of ${digits} ${digits === 1 ? 'digit' : 'digits'}, written digit by digit`,
    alphabet: '0123456789+=',
    maxNewTokens: digits + 1,
    stopTokens: [],
    train: order.slice(heldOut),
    heldOut: order.slice(0, heldOut),
    reward: (completion, { answer }) => (completion === answer ? 1 : 0),
  };
}
