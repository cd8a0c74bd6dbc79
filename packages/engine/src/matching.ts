import { showNames } from './check.js';
import type { Params } from './params.js';

/** Which names: a glob, a predicate, or several of them. */
export type NameSelection =
  string | ((name: string) => boolean) | readonly (string | ((name: string) => boolean))[];

/** A glob as a regular expression: `*` stays between two dots, `**` crosses them, `?` is one character. */
function globPattern(glob: string): RegExp {
  const literal = glob.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  const pattern = literal.replaceAll(/\*\*|\*|\?/g, (wildcard) =>
    wildcard === '**' ? '.*' : wildcard === '*' ? '[^.]*' : '[^.]',
  );
  return new RegExp(`^${pattern}$`, 's');
}

/**
 * Which of a record's names are meant, as the predicate that `selectParams` and the `trainable` of training loops take: to
 * freeze the rest.
 *
 * In a glob `*` is anything between two dots and `**` anything at all; one that begins with `!` takes away from what those
 * before it have selected. A name counts as selected if the last of the globs and predicates that apply to it says so.
 *
 * @param params - the record; only its names are looked at
 * @param selection - a glob, a predicate, or several
 * @returns whether a name is selected; names that the record does not have are not
 * @throws RangeError if one of them applies to no name, or nothing is selected: a typing mistake must not freeze a model
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const params = { 'layers.0.mlp.weight': tf.scalar(0), 'layers.0.mlp.bias': tf.scalar(0), 'head.weight': tf.scalar(0) };
 * const trainable = matching(params, ['layers.**', '!**.bias']);
 * Object.keys(selectParams(params, trainable)); // => ["layers.0.mlp.weight"]
 * ```
 */
export function matching(params: Params, selection: NameSelection): (name: string) => boolean {
  const selected = new Set<string>();
  const names = Object.keys(params);
  for (const each of [selection].flat() as readonly (string | ((name: string) => boolean))[]) {
    const without = typeof each === 'string' && each.startsWith('!');
    const pattern = typeof each === 'string' ? globPattern(each.replace(/^!/, '')) : undefined;
    const applies = names.filter(
      (name) => pattern?.test(name) ?? (each as (n: string) => boolean)(name),
    );
    if (applies.length === 0) {
      throw new RangeError(
        `matching: ${typeof each === 'string' ? `'${each}'` : 'a predicate'} applies to no name, expected some of ` +
          showNames(names),
      );
    }
    for (const name of applies) {
      if (without) selected.delete(name);
      else selected.add(name);
    }
  }
  if (selected.size === 0) {
    throw new RangeError(
      `matching: selection leaves nothing, expected some of ${showNames(names)}`,
    );
  }
  return (name) => selected.has(name);
}
