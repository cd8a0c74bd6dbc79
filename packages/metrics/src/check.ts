/** Boundary checks shared by the package: one message pattern, built-in error types. */

/** Float32 log-softmax of logits near 1000 rounds by about 1e-4 and may come out above 0. */
const LOG_PROB_ROUNDING = 1e-3;

export function checkCount(where: string, name: string, count: number, atLeast: number): void {
  if (!(count >= atLeast)) {
    throw new RangeError(`${where}: ${name} has ${count} entries, expected at least ${atLeast}`);
  }
}

export function checkSameLength(
  where: string,
  [firstName, first]: readonly [string, ArrayLike<unknown>],
  [secondName, second]: readonly [string, ArrayLike<unknown>],
): void {
  if (first.length !== second.length) {
    throw new RangeError(
      `${where}: ${secondName} has ${second.length} entries, expected ${first.length} (one for each of ${firstName})`,
    );
  }
}

export function checkFinite(where: string, name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new RangeError(`${where}: ${name}[${i}] is ${values[i]}, expected a finite number`);
    }
  }
}

/** Log-probabilities of the tokens of one sequence: at least one, finite, not above 0. */
export function checkLogProbs(where: string, name: string, logProbs: ArrayLike<number>): void {
  checkCount(where, name, logProbs.length, 1);
  checkFinite(where, name, logProbs);
  for (let t = 0; t < logProbs.length; t++) {
    if (logProbs[t]! > LOG_PROB_ROUNDING) {
      throw new RangeError(
        `${where}: ${name}[${t}] is ${logProbs[t]}, expected a log-probability (<= 0); pass logarithms, not probabilities`,
      );
    }
  }
}

export function checkInteger(where: string, name: string, value: number, atLeast: number): void {
  if (!Number.isSafeInteger(value) || value < atLeast) {
    throw new RangeError(`${where}: ${name} is ${value}, expected an integer >= ${atLeast}`);
  }
}

/** A confidence level: strictly between 0 and 1. */
export function checkLevel(where: string, level: number): void {
  if (!(level > 0 && level < 1)) {
    throw new RangeError(`${where}: level is ${level}, expected a number in (0, 1)`);
  }
}
