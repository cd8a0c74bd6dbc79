/** Where each token occurs in one text, as bits: position t is bit `t % 32` of word `t / 32`. */
export interface Positions {
  readonly length: number;
  /** 32-bit words a token. */
  readonly words: number;
  /** The row of a token in `bits`, -1 if the text does not have it. */
  readonly rows: Int32Array;
  /** `[different tokens][words]`. */
  readonly bits: Int32Array;
}

/** Fills `rows`, which is -1 throughout, for one text; call {@link forget} after use. */
export function positionsOf(ids: Int32Array, rows: Int32Array): Positions {
  const words = Math.max(1, Math.ceil(ids.length / 32));
  let different = 0;
  for (const id of ids) if (rows[id]! < 0) rows[id] = different++;
  const bits = new Int32Array(different * words);
  ids.forEach((id, t) => (bits[rows[id]! * words + (t >> 5)]! |= 1 << (t & 31)));
  return { length: ids.length, words, rows, bits };
}

/** Sets the rows of a text back to -1. */
export function forget(ids: Int32Array, rows: Int32Array): void {
  for (const id of ids) rows[id] = -1;
}

/** Length of the longest common subsequence, 32 positions at a time (Hyyro 2004). */
export function commonSubsequence(
  { length, words, rows, bits }: Positions,
  other: Int32Array,
): number {
  const v = new Int32Array(words).fill(-1);
  for (const id of other) {
    const row = rows[id]! * words;
    if (row < 0) continue;
    let carry = 0;
    for (let k = 0; k < words; k++) {
      const x = v[k]! >>> 0;
      const u = (x & bits[row + k]!) >>> 0;
      const sum = x + u + carry;
      carry = sum > 0xffffffff ? 1 : 0;
      v[k] = sum | 0 | (x - u);
    }
  }
  let common = 0;
  for (let t = 0; t < length; t++) if (!((v[t >> 5]! >>> (t & 31)) & 1)) common++;
  return common;
}

/** Levenshtein distance, 32 positions at a time (Myers 1999, in blocks as Hyyro 2003). */
export function levenshtein({ length, words, rows, bits }: Positions, other: Int32Array): number {
  if (length === 0) return other.length;
  const positive = new Int32Array(words).fill(-1);
  const negative = new Int32Array(words);
  const last = 1 << ((length - 1) & 31);
  let distance = length;
  for (const id of other) {
    const row = rows[id]! * words;
    // The difference to the column before, below the first row: always 1.
    let carry = 1;
    for (let k = 0; k < words; k++) {
      const equal = row < 0 ? 0 : bits[row + k]!;
      const p = positive[k]!;
      const m = negative[k]!;
      const vertical = equal | m;
      const matched = carry < 0 ? equal | 1 : equal;
      const horizontal = ((((matched & p) + p) | 0) ^ p) | matched;
      let up = m | ~(horizontal | p);
      let down = p & horizontal;
      if (k === words - 1) {
        if (up & last) distance++;
        if (down & last) distance--;
      }
      const out = (up >>> 31) - (down >>> 31);
      up = (up << 1) | (carry > 0 ? 1 : 0);
      down = (down << 1) | (carry < 0 ? 1 : 0);
      positive[k] = down | ~(vertical | up);
      negative[k] = up & vertical;
      carry = out;
    }
  }
  return distance;
}
