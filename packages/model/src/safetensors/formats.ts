import type { NumberFormat } from '../tensor-files/number-format.js';
import { BF16, F16 } from '../tensor-files/half-precision.js';

/** The formats that are read; half-precision numbers become float32, exactly. */
export const formats: Readonly<Record<string, NumberFormat>> = {
  F32: { name: 'F32', bytes: 4, values: 1, kind: 'float32' },
  I32: { name: 'I32', bytes: 4, values: 1, kind: 'int32' },
  F16,
  BF16,
};

/** Bytes an entry of the formats that tensors may lie in but are not read: masks, counters, numbers of other widths. */
export const UNREAD_BYTES: Readonly<Record<string, number>> = Object.fromEntries(
  (
    [
      [1, 'BOOL U8 I8 F8_E4M3 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ'],
      [2, 'I16 U16'],
      [4, 'U32'],
      [8, 'I64 U64 F64 C64'],
    ] as const
  ).flatMap(([bytes, names]) => names.split(' ').map((name) => [name, bytes])),
);
