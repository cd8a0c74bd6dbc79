import wasm from './exp-sums.wasm.js';

/** Sums over a row of logits. */
export interface ExpSums {
  /** The largest logit; `-Infinity` where no entry is larger. */
  readonly max: number;
  /** Where it is first; -1 where `max` is `-Infinity`. */
  readonly argmax: number;
  /** Sum of `exp(z - max)` over every entry but that one; NaN if any entry is. */
  readonly rest: number;
  /** Sum of `exp(z - max) (max - z)` over the same. */
  readonly weighted: number;
}

/*
 * In steps of log(2) / 4096, exp(-gap) = 2^(k / 4096) exp(r) with a whole number k of them and |r| <= half a step.
 * The first factor is looked up. exp(r) is a cubic, exact to rounding; with u = r + C, its only real root at
 * u = C - ROOT, and C a whole number of steps for which (nearly) no term in u remains beside it,
 *     exp(r) = (u + ROOT - C) (u^2 + K - 2 C ROOT - C^2) / K,   K = 4 C + 2 ROOT:
 * 1 + r + r^2 / 2 + r^3 / K, in two additions and two products. All of it is done in steps, not in nats.
 */
const SIZE = 4096;
/** Steps a nat. */
const SCALE = SIZE / Math.LN2;
const STEPS = 4148;
const C = STEPS / SCALE;
const ROOT = (1 - 2 * C + Math.sqrt(1 + 4 * C - 4 * C * C)) / (2 - 2 * C);
const K = 4 * C + 2 * ROOT;
const LINEAR = (ROOT - C) * SCALE;
const SQUARE = (K - 2 * C * ROOT - C * C) * SCALE * SCALE;
/** A double as large as this has no fraction: adding it rounds. */
const ROUNDER = 1.5 * 2 ** 52;
/** The largest gap, in nats, for which no factor leaves the range of normal doubles. */
const MOST_GAP = 600;
/** Shorter rows are not worth a copy. */
const SHORTEST = 64;
/** Where rows are in the memory of the kernel, after the table, and how long they can be. */
const ROW = 8 * SIZE;
const LONGEST = 1 << 18;

/** Made when they are first needed. */
let tables: Tables | undefined;
let kernel: Kernel | null | undefined;

/**
 * The sums of one row, in double precision. Rows in float32 go through WebAssembly where it is to be had: the
 * same operations in the same order, two at once, equal bit for bit.
 */
export function expSums(logits: ArrayLike<number>, start: number, end: number): ExpSums {
  const count = end - start;
  if (logits instanceof Float32Array && count >= SHORTEST && count <= LONGEST) {
    if (kernel === undefined) kernel = instantiate();
    const sums = kernel && sumsInKernel(kernel, logits.subarray(start, end), start);
    if (sums) return sums;
  }
  return sumsInScript(logits, start, end);
}

/** As above, without WebAssembly. */
export function sumsInScript(logits: ArrayLike<number>, start: number, end: number): ExpSums {
  let max = -Infinity;
  let argmax = -1;
  for (let v = start; v < end; v++) {
    if (logits[v]! > max) {
      max = logits[v]!;
      argmax = v;
    }
  }
  if (argmax < 0 || max === Infinity) return { max, argmax, rest: NaN, weighted: NaN };
  tables ??= makeTables();
  // The last entry takes the place of the largest.
  const last = end - 1;
  let even = 0;
  let odd = 0;
  let weightedEven = 0;
  let weightedOdd = 0;
  let v = start;
  for (; v + 1 < last; v += 2) {
    const steps1 = (max - logits[v === argmax ? last : v]!) * SCALE;
    const steps2 = (max - logits[v + 1 === argmax ? last : v + 1]!) * SCALE;
    const weight1 = weightOf(steps1, tables);
    const weight2 = weightOf(steps2, tables);
    even += weight1;
    odd += weight2;
    weightedEven += product(weight1, steps1);
    weightedOdd += product(weight2, steps2);
  }
  let rest = even + odd;
  let weighted = weightedEven + weightedOdd;
  if (v < last) {
    const steps = (max - logits[v === argmax ? last : v]!) * SCALE;
    const weight = weightOf(steps, tables);
    rest += weight;
    weighted += product(weight, steps);
  }
  return { max, argmax, rest, weighted: weighted / SCALE };
}

/** As above, in the kernel; `undefined` where a gap is too large for it, or nothing is a number. */
export function sumsInKernel(
  { row, range, find, sums, tables }: Kernel,
  logits: Float32Array,
  start: number,
): ExpSums | undefined {
  const count = logits.length;
  const padded = (count + 15) & -16;
  row.set(logits);
  row.fill(logits[0]!, count, padded);
  const [max, least] = range(ROW, ROW + 4 * padded);
  // Rows of NaN have neither.
  if (!(max >= least && max - least <= MOST_GAP)) return undefined;
  let at = (find(ROW, ROW + 4 * padded, max) - ROW) / 4;
  while (row[at] !== max) at++;
  row[at] = row[count - 1]!;
  let [rest, weighted] = sums(ROW, ROW + 8 * ((count - 1) >> 1), max);
  if (count % 2 === 0) {
    const steps = (max - row[count - 2]!) * SCALE;
    const weight = weightOf(steps, tables);
    rest += weight;
    weighted += weight * steps;
  }
  return { max, argmax: start + at, rest, weighted: weighted / SCALE };
}

/** `exp(-gap)` of a gap in steps. */
function weightOf(steps: number, { powers, halvings }: Tables): number {
  if (!(steps <= MOST_GAP * SCALE)) return Math.exp(-steps / SCALE);
  const t = ROUNDER - steps;
  const k = (t - ROUNDER) | 0;
  const u = ROUNDER + STEPS - t - steps;
  return powers[k & (SIZE - 1)]! * halvings[-(k >> 12)]! * (u + LINEAR) * (u * u + SQUARE);
}

/** A weight of 0 may come with an infinite gap, and `0 * Infinity` is NaN. */
function product(weight: number, steps: number): number {
  return weight === 0 ? 0 : weight * steps;
}

/** Factors of the weights. */
interface Tables {
  /** `2^(j / 4096) / K`, for a cubic in steps. */
  readonly powers: Float64Array;
  /** `2^-e`. */
  readonly halvings: Float64Array;
}

/** What exp-sums.wat exports, with the memory that it reads. */
interface Kernel {
  readonly row: Float32Array;
  readonly range: (at: number, end: number) => readonly [max: number, least: number];
  readonly find: (at: number, end: number, logit: number) => number;
  readonly sums: (at: number, end: number, max: number) => readonly [sum: number, weighted: number];
  readonly tables: Tables;
}

function makeTables(): Tables {
  return {
    powers: Float64Array.from({ length: SIZE }, (_, j) => 2 ** (j / SIZE) / (K * SCALE ** 3)),
    halvings: Float64Array.from({ length: 1024 }, (_, e) => 2 ** -e),
  };
}

/** The kernel; `null` where there is no WebAssembly with vectors, or a page forbids it. */
export function instantiate(): Kernel | null {
  tables ??= makeTables();
  try {
    const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    const { memory, ...functions } = exports as Omit<Kernel, 'row' | 'tables'> & {
      readonly memory: { readonly buffer: ArrayBuffer };
    };
    new Float64Array(memory.buffer, 0, SIZE).set(tables.powers);
    // The kernel adds k to their exponents, and the low 12 bits of k come along, below.
    const bits = new BigInt64Array(memory.buffer, 0, SIZE);
    for (let j = 0; j < SIZE; j++) bits[j]! -= BigInt(j) << 40n;
    return { ...functions, row: new Float32Array(memory.buffer, ROW, LONGEST), tables };
  } catch {
    return null;
  }
}

/** What is used of it: there are no types of it without those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};
