import { checkPositiveInteger, option } from '@cfrl/engine';

/** Options that the functions of this package share; each takes those that it needs. */
export interface SharedOptions {
  /** Which parameters to differentiate, or to move; the others are constants. @defaultValue every parameter */
  readonly select?: (name: string) => boolean;
  /** Bytes that rows of gradients may take at a time. It never changes a result. @defaultValue 2 ** 29 */
  readonly maxBytes?: number;
  /** Contexts in one forward pass. @defaultValue 32 */
  readonly batchSize?: number;
  /** The layer that a parameter belongs to. @defaultValue the parameter's own name */
  readonly layerOf?: (name: string) => string;
}

const all = {
  select: option<(name: string) => boolean>(() => true),
  maxBytes: option(2 ** 29), // checked by `rowsWithin`, where the size of a row is known
  batchSize: option(32, checkPositiveInteger),
  layerOf: option((name: string) => name),
};

/** The table of some of the shared options, in this order. */
export const shared = <Name extends keyof typeof all>(...names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, all[name]])) as Pick<typeof all, Name>;
