import { checkFunction, checkPositiveInteger, checkSignal, option } from '@cfrl/engine';

import { kindOfParam, layerOfParam } from './groups.js';

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

/** Refuses what is no function where one may be given. */
export const checkCallback = (where: string, value: unknown): void =>
  checkFunction(where, value, 'leave it out, or give a function of one argument');

/** How the functions on sequences group parameters, by the names of Hugging Face checkpoints where nothing else is said. */
export const groupings = {
  layerOf: option<(name: string) => string>(layerOfParam, checkCallback),
  kindOf: option<(name: string) => string>(kindOfParam, checkCallback),
};

/** What ends long work. */
export const ending = { signal: option<AbortSignal | undefined>(undefined, checkSignal) };
