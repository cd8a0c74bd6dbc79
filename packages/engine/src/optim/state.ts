import type { Params } from '../params.js';

/** The record with every name put under a prefix, `prefix/name`. */
export function under(prefix: string, params: Params): Params {
  return Object.fromEntries(Object.entries(params).map(([name, t]) => [`${prefix}/${name}`, t]));
}

/** The entries under a prefix, with their names without it: the inverse of {@link under}. */
export function entries(state: Params, prefix: string): Params {
  const start = `${prefix}/`;
  return Object.fromEntries(
    Object.entries(state)
      .filter(([name]) => name.startsWith(start))
      .map(([name, t]) => [name.slice(start.length), t]),
  );
}
