import * as tf from '@tensorflow/tfjs-core';

/** A structure taken apart: its tensors in order, and what is left when they are taken out. */
export interface Flat {
  readonly tensors: readonly tf.Tensor[];
  /** One line that two structures share when they differ in nothing but the values of their tensors. */
  readonly key: string;
  /** The same structure around other tensors. */
  readonly rebuild: (tensors: readonly tf.Tensor[]) => unknown;
}

/**
 * Takes a structure apart.
 *
 * @throws TypeError for what is neither a tensor, an array, a plain record nor a plain value; the message says where it is
 */
export function flatten(where: string, structure: unknown): Flat {
  const tensors: tf.Tensor[] = [];
  const visit = (path: string, part: unknown): { key: string; rebuild: Rebuild } => {
    if (part instanceof tf.Tensor) {
      if (part.isDisposed) {
        throw new Error(`${where}: ${path} has been disposed, expected a tensor that is alive`);
      }
      const index = tensors.push(part) - 1;
      return { key: `${part.dtype}[${part.shape.join()}]`, rebuild: (all) => all[index] };
    }
    if (Array.isArray(part)) {
      const parts = part.map((each, i) => visit(`${path}[${i}]`, each));
      return {
        key: `[${parts.map(({ key }) => key).join()}]`,
        rebuild: (all) => parts.map(({ rebuild }) => rebuild(all)),
      };
    }
    if (isRecord(part)) {
      const parts = Object.entries(part).map(
        ([name, each]) => [name, visit(`${path}.${name}`, each)] as const,
      );
      return {
        key: `{${parts.map(([name, { key }]) => `${JSON.stringify(name)}:${key}`).join()}}`,
        rebuild: (all) =>
          Object.fromEntries(parts.map(([name, { rebuild }]) => [name, rebuild(all)])),
      };
    }
    if (
      part !== null &&
      (typeof part === 'object' || typeof part === 'function' || typeof part === 'symbol')
    ) {
      throw new TypeError(
        `${where}: ${path} is ${describe(part)}, expected tensors, plain values, arrays and plain records of them; ` +
          'capture it from outside of the function instead',
      );
    }
    const key =
      typeof part === 'string' ? JSON.stringify(part) : Object.is(part, -0) ? '-0' : String(part);
    return { key: typeof part === 'bigint' ? `${key}n` : key, rebuild: () => part };
  };
  const { key, rebuild } = visit('value', structure);
  return { tensors, key, rebuild };
}

type Rebuild = (tensors: readonly tf.Tensor[]) => unknown;

function isRecord(part: unknown): part is Record<string, unknown> {
  if (typeof part !== 'object' || part === null) return false;
  const prototype: unknown = Object.getPrototypeOf(part);
  return prototype === Object.prototype || prototype === null;
}

const describe = (part: object | symbol): string =>
  typeof part === 'object' ? `an instance of ${part.constructor.name}` : `a ${typeof part}`;

/** Refuses a function that answers later. */
export function synchronous<T>(where: string, result: T): T {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return result;
  (result as unknown as Promise<unknown>).then(undefined, () => undefined);
  throw new TypeError(
    `${where} is asynchronous, expected a function that returns tensors at once; await outside of it`,
  );
}
