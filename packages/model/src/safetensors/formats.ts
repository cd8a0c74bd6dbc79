import type { NumberFormat } from '../numbers/format.js';
import { BF16, F16 } from '../numbers/half.js';

/** The formats that are read; half-precision numbers become float32, exactly. */
export const formats: Readonly<Record<string, NumberFormat>> = {
  F32: { name: 'F32', bytes: 4, values: 1, kind: 'float32' },
  I32: { name: 'I32', bytes: 4, values: 1, kind: 'int32' },
  F16,
  BF16,
};
