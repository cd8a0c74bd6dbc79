import type { Access } from './format.js';
import type { Args, Budget, Value } from './values.js';

/** What filters and tests need of the run that they are in. */
export interface Runtime {
  readonly budget: Budget;
  readonly access: Access;
  readonly filter: (name: string, value: Value, args: Args) => Value;
  readonly test: (name: string, value: Value, args: Args) => boolean;
}

/** Arguments as a function's parameters take them. */
export function bind(
  name: string,
  parameters: readonly string[],
  { placed, named }: Args,
): (Value | undefined)[] {
  if (placed.length > parameters.length) {
    throw new TypeError(
      `${name}() takes at most ${parameters.length} arguments, ${placed.length} are given`,
    );
  }
  const bound: (Value | undefined)[] = parameters.map((_, i) => placed[i]);
  for (const [key, value] of named) {
    const at = parameters.indexOf(key);
    if (at < 0) throw new TypeError(`${name}() got an unexpected keyword argument '${key}'`);
    if (at < placed.length)
      throw new TypeError(`${name}() got multiple values for argument '${key}'`);
    bound[at] = value;
  }
  return bound;
}
