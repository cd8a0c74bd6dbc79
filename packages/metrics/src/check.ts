/** Boundary checks shared by the package: one message pattern, built-in error types. */

/** Float32 log-softmax of logits near 1000 rounds by about 1e-4 and may come out above 0. */
const LOG_PROB_ROUNDING = 1e-3;

/** Float32 probabilities over a large vocabulary add up to 1 only this closely. */
const SUM_TOLERANCE = 1e-4;

export function checkCount(where: string, name: string, count: number, atLeast: number): void {
  if (!(count >= atLeast)) {
    throw new RangeError(`${where}: ${name} has ${count} entries, expected at least ${atLeast}`);
  }
}

/** Options that are there if they have a default. */
type Resolved<T, D> = {
  readonly [K in keyof T & keyof D]-?: undefined extends D[K] ? T[K] : Exclude<T[K], undefined>;
};

/** Options with their defaults filled in. `defaults` lists every option: `undefined` is no default. */
export function resolveOptions<
  T extends object,
  D extends { readonly [K in keyof Required<T>]: T[K] | undefined },
>(where: string, options: T, defaults: D): Resolved<T, D> {
  const given: unknown = options;
  const names = (): string => Object.keys(defaults).join(', ');
  if (typeof given !== 'object' || given === null || 'length' in given) {
    const what =
      typeof given === 'function'
        ? 'a function'
        : given instanceof Object
          ? 'a list'
          : String(given);
    throw new TypeError(`${where}: options is ${what}, expected an object of ${names()}`);
  }
  const resolved: Record<string, unknown> = { ...defaults };
  for (const name of Object.keys(given)) {
    const value = (given as Record<string, unknown>)[name];
    if (!Object.hasOwn(defaults, name)) {
      throw new RangeError(`${where}: options has "${name}", expected only ${names()}`);
    }
    if (value !== undefined) resolved[name] = value;
  }
  return resolved as Resolved<T, D>;
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

/** Finite numbers, at least so many of them. */
export function checkFinite(
  where: string,
  name: string,
  values: ArrayLike<number>,
  atLeast = 0,
): void {
  if (atLeast > 0) checkCount(where, name, values.length, atLeast);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new RangeError(`${where}: ${name}[${i}] is ${values[i]}, expected a finite number`);
    }
  }
}

/** Log-probabilities of the tokens of one sequence: at least one, finite, not above 0. */
export function checkLogProbs(where: string, name: string, logProbs: ArrayLike<number>): void {
  checkFinite(where, name, logProbs, 1);
  for (let t = 0; t < logProbs.length; t++) {
    if (logProbs[t]! > LOG_PROB_ROUNDING) {
      throw new RangeError(
        `${where}: ${name}[${t}] is ${logProbs[t]}, expected a log-probability (<= 0); pass logarithms, not probabilities`,
      );
    }
  }
}

export function checkNumber(where: string, name: string, value: number): void {
  if (!Number.isFinite(value)) {
    throw new RangeError(`${where}: ${name} is ${value}, expected a finite number`);
  }
}

export function checkInteger(where: string, name: string, value: number, atLeast: number): void {
  if (!Number.isSafeInteger(value) || value < atLeast) {
    throw new RangeError(`${where}: ${name} is ${value}, expected an integer >= ${atLeast}`);
  }
}

/** An integer from `atLeast` to `most`; `meaning` ends the message: what `most` is, and advice. */
export function checkNumberOf(
  where: string,
  name: string,
  value: number,
  atLeast: number,
  most: number,
  meaning: string,
): void {
  checkInteger(where, name, value, atLeast);
  if (value > most) {
    throw new RangeError(`${where}: ${name} is ${value}, expected at most ${most}${meaning}`);
  }
}

/** A confidence level: strictly between 0 and 1. */
export function checkLevel(where: string, level: number): void {
  if (!(level > 0 && level < 1)) {
    throw new RangeError(`${where}: level is ${level}, expected a number in (0, 1)`);
  }
}

export function checkConfidences(
  where: string,
  confidences: ArrayLike<number>,
  correct: readonly boolean[],
): void {
  checkSameLength(where, ['confidences', confidences], ['correct', correct]);
  checkCount(where, 'confidences', confidences.length, 1);
  checkShares(where, 'confidences', confidences);
  checkBooleans(where, 'correct', correct);
}

export function checkBooleans(where: string, name: string, values: readonly boolean[]): void {
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] !== 'boolean') {
      throw new TypeError(`${where}: ${name}[${i}] is ${String(values[i])}, expected a boolean`);
    }
  }
}

/** Numbers in [0, 1]. */
export function checkShares(where: string, name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!(values[i]! >= 0 && values[i]! <= 1)) refuseShare(where, name, i, values[i]!);
  }
}

function refuseShare(where: string, name: string, i: number, share: number): never {
  throw new RangeError(`${where}: ${name}[${i}] is ${share}, expected a number in [0, 1]`);
}

/** A probability distribution: entries in [0, 1] of sum 1. */
export function checkDistribution(
  where: string,
  name: string,
  probabilities: ArrayLike<number>,
): void {
  checkCount(where, name, probabilities.length, 1);
  let sum = 0;
  for (let v = 0; v < probabilities.length; v++) {
    const p = probabilities[v]!;
    if (!(p >= 0 && p <= 1 + SUM_TOLERANCE)) refuseShare(where, name, v, p);
    sum += p;
  }
  if (Math.abs(sum - 1) > SUM_TOLERANCE) {
    throw new RangeError(
      `${where}: ${name} has sum ${sum}, expected 1; divide by the sum, or use tokenEntropy for logits`,
    );
  }
}

/** Of `n` samples `c` were right, and `k` are looked at. */
export function checkSamples(where: string, n: number, c: number, k: number): void {
  checkInteger(where, 'n', n, 1);
  checkNumberOf(where, 'c', c, 0, n, ' (n)');
  checkNumberOf(where, 'k', k, 1, n, ' (n); draw more samples');
}
