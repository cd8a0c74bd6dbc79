import { checkFinite, checkPositiveInteger, showValue } from '@cfrl/engine';

/** Refuses what is no list; `where` begins the message. */
export function checkList(where: string, value: unknown, of: string): void {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return;
  throw new TypeError(`${where} is ${showValue(value)}, expected an array of ${of}`);
}

/** Refuses what is no list, and lists with an entry that is not finite; `where` begins the message. */
export function checkAllFinite(where: string, values: readonly number[]): void {
  checkList(where, values, 'numbers');
  for (let i = 0; i < values.length; i++) checkFinite(`${where}[${i}]`, values[i]!);
}

/** Refuses anything but a positive integer or `Infinity`, which stands for all. */
export function checkCount(where: string, count: number): void {
  if (count !== Infinity) checkPositiveInteger(where, count);
}
