import { showValue } from '@cfrl/engine';

/** Rows of plain numbers, `[N][O]`. */
export type Rows = readonly (readonly number[])[];

/** Refuses anything but rows of finite numbers, of one length or of a given shape (`null`: any number); returns the shape. */
export function checkRows(
  where: string,
  rows: Rows,
  expected?: readonly [number | null, number],
): readonly [number, number] {
  const words = expected ? `[${expected[0] ?? 'M'}, ${expected[1]}]` : 'rows of one length';
  if (!Array.isArray(rows) || rows.length === 0 || !rows.every(Array.isArray)) {
    throw new TypeError(
      `${where} is ${showValue(rows)}, expected ${words}, as arrays of numbers; of a tensor arraySync() makes them`,
    );
  }
  const O = expected?.[1] ?? rows[0]!.length;
  if (
    O === 0 ||
    rows.length !== (expected?.[0] ?? rows.length) ||
    rows.some((r) => r.length !== O)
  ) {
    const lengths = [...new Set(rows.map(({ length }) => length))];
    throw new RangeError(
      `${where} has ${rows.length} rows of ${lengths.join(' and ')} numbers, expected ${words}`,
    );
  }
  if (!rows.every((row) => row.every(Number.isFinite))) {
    throw new RangeError(`${where} has NaN or infinite entries, expected finite numbers`);
  }
  return [rows.length, O];
}
