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
export const UNREAD_BYTES: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1, F8_E4M3FNUZ: 1, F8_E5M2FNUZ: 1 },
  ...{ I16: 2, U16: 2, U32: 4, I64: 8, U64: 8, F64: 8, C64: 8 },
};
