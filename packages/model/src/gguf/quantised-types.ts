import type { NumberFormat } from '../tensor-files/number-format.js';
import { BF16, F16, halves } from '../tensor-files/half-precision.js';

type Block = (bytes: Uint8Array, from: number, out: Float32Array, to: number) => void;

/** A format of quantised blocks, from the decoding of one. */
const quantised = (name: string, bytes: number, values: number, block: Block): NumberFormat => ({
  name,
  bytes,
  values,
  kind: 'float32',
  decode: (source, out, at) => {
    for (let from = 0, to = at; from < source.length; from += bytes, to += values) {
      block(source, from, out, to);
    }
  },
});

const half = (bytes: Uint8Array, at: number): number =>
  halves()[bytes[at]! | (bytes[at + 1]! << 8)]!;

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** 32 numbers of 4 or 5 bits: `q scale + least`, the low nibbles first, then the high ones. */
const nibbles =
  ({ least, fifth }: { readonly least: boolean; readonly fifth: boolean }): Block =>
  (bytes, from, out, to) => {
    const scale = half(bytes, from);
    const middle = fifth ? 16 : 8;
    const offset = least ? half(bytes, from + 2) : -middle * scale;
    const high = fifth ? word(bytes, from + (least ? 4 : 2)) : 0;
    const start = from + (least ? 4 : 2) + (fifth ? 4 : 0);
    for (let i = 0; i < 16; i++) {
      const byte = bytes[start + i]!;
      const low = (byte & 15) | (((high >>> i) & 1) << 4);
      const up = (byte >>> 4) | (((high >>> (i + 16)) & 1) << 4);
      out[to + i] = low * scale + offset;
      out[to + i + 16] = up * scale + offset;
    }
  };

const q8: Block = (bytes, from, out, to) => {
  const scale = half(bytes, from);
  for (let i = 0; i < 32; i++) out[to + i] = ((bytes[from + 2 + i]! << 24) >> 24) * scale;
};

/** The 6-bit scale and minimum of the `i`-th of 8 groups, from 12 bytes. */
const groupScale = (bytes: Uint8Array, at: number, i: number): number =>
  i < 4 ? bytes[at + i]! & 63 : (bytes[at + i + 4]! & 15) | ((bytes[at + i - 4]! >> 6) << 4);
const groupLeast = (bytes: Uint8Array, at: number, i: number): number =>
  i < 4 ? bytes[at + i + 4]! & 63 : (bytes[at + i + 4]! >> 4) | ((bytes[at + i]! >> 6) << 4);

/** 256 numbers in 8 groups of 32 with a scale and a minimum each; a pair of groups shares its bytes. */
const grouped =
  ({ fifth }: { readonly fifth: boolean }): Block =>
  (bytes, from, out, to) => {
    const [scale, least] = [half(bytes, from), half(bytes, from + 2)];
    const [scales, high, start] = [from + 4, from + 16, from + (fifth ? 48 : 16)];
    for (let group = 0; group < 8; group++) {
      const d = scale * groupScale(bytes, scales, group);
      const m = least * groupLeast(bytes, scales, group);
      const nibble = (group & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const bit = fifth ? ((bytes[high + i]! >> group) & 1) << 4 : 0;
        const q = ((bytes[start + (group >> 1) * 32 + i]! >> nibble) & 15) | bit;
        out[to + group * 32 + i] = d * q - m;
      }
    }
  };

/** 256 numbers of 6 bits in 16 groups with a signed scale each. */
const q6: Block = (bytes, from, out, to) => {
  const [high, scales] = [from + 128, from + 192];
  const scale = half(bytes, from + 208);
  for (let i = 0; i < 256; i++) {
    const [part, row, column] = [i >> 7, (i >> 5) & 3, i & 31];
    const low = bytes[from + part * 64 + (row & 1) * 32 + column]! >> ((row >> 1) * 4);
    const up = bytes[high + part * 32 + column]! >> (row * 2);
    const q = ((low & 15) | ((up & 3) << 4)) - 32;
    const groupOf = (bytes[scales + (i >> 4)]! << 24) >> 24;
    out[to + i] = Math.fround(scale * groupOf) * q;
  }
};

/** The types of tensors that are read, by their number in the file. */
export const TYPES: Readonly<Record<number, NumberFormat>> = {
  0: { name: 'F32', bytes: 4, values: 1, kind: 'float32' },
  1: F16,
  2: quantised('Q4_0', 18, 32, nibbles({ least: false, fifth: false })),
  3: quantised('Q4_1', 20, 32, nibbles({ least: true, fifth: false })),
  6: quantised('Q5_0', 22, 32, nibbles({ least: false, fifth: true })),
  7: quantised('Q5_1', 24, 32, nibbles({ least: true, fifth: true })),
  8: quantised('Q8_0', 34, 32, q8),
  12: quantised('Q4_K', 144, 256, grouped({ fifth: false })),
  13: quantised('Q5_K', 176, 256, grouped({ fifth: true })),
  14: quantised('Q6_K', 210, 256, q6),
  30: BF16,
};
