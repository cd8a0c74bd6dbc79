import type { NumberFormat } from './number-format.js';

/** The pairs of bytes as 16-bit words; a copy where they stand unaligned. */
function words(bytes: Uint8Array): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

let table: Float32Array | undefined;

/** The number of each of the 65,536 halves; made when it is first needed. */
export const halves = (): Float32Array =>
  (table ??= Float32Array.from({ length: 65_536 }, (_, half) => halfToNumber(half)));

const HALF = { bytes: 2, values: 1, kind: 'float32' } as const;

/** IEEE 754 half precision, as float32, exactly. */
export const F16: NumberFormat = {
  name: 'F16',
  ...HALF,
  decode: (bytes, out, at) => {
    const [numbers, source] = [halves(), words(bytes)];
    for (let i = 0; i < source.length; i++) out[at + i] = numbers[source[i]!]!;
  },
};

/** The upper half of a float32, as float32, exactly. */
export const BF16: NumberFormat = {
  name: 'BF16',
  ...HALF,
  decode: (bytes, out, at) => {
    const source = words(bytes);
    const target = new Uint32Array(out.buffer, out.byteOffset + 4 * at, source.length);
    for (let i = 0; i < source.length; i++) target[i] = source[i]! << 16;
  },
};

/** The 16 bits of each number, from its 32. (`Uint16Array.from` would take ten times as long.) */
function rounded(numbers: Float32Array, round: (bits: number) => number): Uint16Array {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const words = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = round(bits[i]!);
  return words;
}

const brainFloat = (bits: number): number =>
  (bits & 0x7fffffff) > 0x7f800000
    ? (bits >>> 16) | 0x40
    : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;

function halfFloat(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  const exponent = magnitude >>> 23;
  if (exponent >= 143) return sign | 0x7c00;
  // Normal halves keep 10 bits of the fraction; below 2^-14 each step down costs one more.
  const normal = exponent >= 113;
  const dropped = normal ? 13 : Math.min(126 - exponent, 25);
  const fraction = (magnitude & 0x7fffff) | (normal ? 0 : 0x800000);
  const kept = fraction >>> dropped;
  const rest = fraction & ((1 << dropped) - 1);
  const middle = 1 << (dropped - 1);
  const up = rest > middle || (rest === middle && (kept & 1) === 1) ? 1 : 0;
  // A carry runs into the exponent, as it should.
  return sign | ((normal ? (exponent - 112) << 10 : 0) + kept + up);
}

/** Rounds to the nearest BF16, ties to the even one. NaN stays NaN. */
export const toBrainFloats = (numbers: Float32Array): Uint16Array => rounded(numbers, brainFloat);

/** Rounds to the nearest F16, ties to the even one; beyond 65,504 and its rounding lies infinity. */
export const toHalves = (numbers: Float32Array): Uint16Array => rounded(numbers, halfFloat);
