import { checkFinite } from '@cfrl/engine';

/** Refuses lists with an entry that is not finite; `where` begins the message. */
export function checkAllFinite(where: string, values: readonly number[]): void {
  const i = values.findIndex((value) => !Number.isFinite(value));
  if (i >= 0) checkFinite(`${where}[${i}]`, values[i]!);
}
