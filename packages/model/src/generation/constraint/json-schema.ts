import { escapeText } from '../../tokenizer/pipeline/pattern.js';
import type { Tokenizer } from '../../tokenizer/types.js';
import type { Constraint } from './constraint.js';
import { matching } from './regex.js';

/** A JSON value. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Part of a schema: where it stands, for messages, and the schema that it is part of. */
interface Place {
  readonly path: string;
  readonly root: Json;
  /** Definitions that it lies within: one of these again would have no end. */
  readonly within: readonly string[];
}

type Schema = { readonly [keyword: string]: Json };

/** Keywords that say nothing about what is valid. */
const ANNOTATIONS = [
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
];

const INTEGER = '-?(?:0|[1-9][0-9]{0,14})';
const NUMBER = String.raw`${INTEGER}(?:\.[0-9]{1,15})?(?:[eE][-+]?[0-9]{1,2})?`;
const HEX = '[0-9a-fA-F]';
/** One code point of a JSON string, itself or escaped; surrogates are not escaped, so that each is one. */
const CHARACTER = String.raw`(?:[^"\\\x00-\x1f]|\\(?:["\\\/bfnrt]|u(?:[0-9a-cA-Ce-fE-F]${HEX}{3}|[dD][0-7]${HEX}{2})))`;
const COMMA = ', ?';

const refuse = (path: string, is: string, expected: string): never => {
  throw new RangeError(`jsonConstraint: schema${path} is ${is}, expected ${expected}`);
};

const show = (value: Json | undefined): string => JSON.stringify(value)?.slice(0, 100) ?? 'absent';

/** A value as `JSON.stringify` writes it, with room for a space after commas and colons. */
function valueOf(value: Json): string {
  if (Array.isArray(value)) return String.raw`\[${value.map(valueOf).join(COMMA)}\]`;
  if (typeof value !== 'object' || value === null) return escapeText(JSON.stringify(value));
  const entries = Object.entries(value).map(([key, each]) => propertyOf(key, valueOf(each)));
  return String.raw`\{${entries.join(COMMA)}\}`;
}

const propertyOf = (key: string, value: string): string =>
  `${escapeText(JSON.stringify(key))}: ?${value}`;

/** How many there may be, by `minLength` and `maxLength` or `minItems` and `maxItems`. */
function boundsOf(schema: Schema, of: 'Length' | 'Items', path: string): [number, number] {
  const [from, to] = (['min', 'max'] as const).map((bound) => {
    const value = schema[bound + of] ?? { min: 0, max: Infinity }[bound];
    if (value === Infinity || (Number.isSafeInteger(value) && Number(value) >= 0)) {
      return Number(value);
    }
    return refuse(`${path}.${bound}${of}`, show(value as Json), 'a non-negative integer');
  }) as [number, number];
  if (from > to) refuse(`${path}.max${of}`, String(to), `at least min${of}, ${from}`);
  return [from, to];
}

/** A quantifier for so many, the first of them separate. */
const times = (from: number, to: number): string =>
  to === Infinity ? `{${from},}` : `{${from},${to}}`;

function arrayOf(schema: Schema, place: Place): string {
  const { path } = place;
  const [from, to] = boundsOf(schema, 'Items', path);
  const { items } = schema;
  if (items === undefined)
    refuse(`${path}.items`, 'absent', 'a schema; items must say what they are');
  if (to === 0) return String.raw`\[\]`;
  const item = expressionOf(items!, { ...place, path: `${path}.items` });
  const more = `(?:${COMMA}${item})${times(Math.max(from - 1, 0), to - 1)}`;
  const some = `${item}${more}`;
  return String.raw`\[${from === 0 ? `(?:${some})?` : some}\]`;
}

/** Properties in the order of the schema; those that are not required may be left out. */
function objectOf(schema: Schema, place: Place): string {
  const { path } = place;
  const properties = schema['properties'] ?? {};
  const required = schema['required'] ?? [];
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) {
    return refuse(`${path}.properties`, show(properties), 'a record of schemas');
  }
  if (!Array.isArray(required)) {
    return refuse(`${path}.required`, show(required), 'a list of names of properties');
  }
  const missing = required.find((name) => !Object.hasOwn(properties, String(name)));
  if (missing !== undefined) {
    refuse(`${path}.required`, show(missing as Json), 'only names of properties');
  }
  const entries = Object.entries(properties as Schema).map(([key, value]) => ({
    text: propertyOf(key, expressionOf(value, { ...place, path: `${path}.properties.${key}` })),
    optional: !required.includes(key),
  }));
  // From the last on: what may follow when something stands before, and when nothing does.
  let [later, first] = ['', ''];
  for (const { text, optional } of entries.reverse()) {
    const here = `${text}${later}`;
    first = optional ? `(?:${here}|${first})` : here;
    later = optional ? `(?:${COMMA}${text})?${later}` : `${COMMA}${text}${later}`;
  }
  return String.raw`\{${first}\}`;
}

function referenceOf(reference: Json, place: Place): string {
  const { path, root, within } = place;
  if (typeof reference !== 'string' || !reference.startsWith('#/')) {
    return refuse(`${path}.$ref`, show(reference), 'a place in the schema itself, as #/$defs/name');
  }
  if (within.includes(reference)) {
    return refuse(`${path}.$ref`, show(reference), 'no schema within itself: depth has no bound');
  }
  const names = reference
    .slice(2)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  const found = names.reduce<Json | undefined>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as Schema)[name]
        : undefined,
    root,
  );
  if (found === undefined) refuse(`${path}.$ref`, show(reference), 'a place that exists');
  return expressionOf(found!, { path: `(${reference})`, root, within: [...within, reference] });
}

/** What each type is written as, and the keywords that say so. */
const types: Readonly<
  Record<string, { keywords: readonly string[]; write: (schema: Schema, place: Place) => string }>
> = {
  null: { keywords: [], write: () => 'null' },
  boolean: { keywords: [], write: () => '(?:true|false)' },
  integer: { keywords: [], write: () => INTEGER },
  number: { keywords: [], write: () => NUMBER },
  string: {
    keywords: ['minLength', 'maxLength'],
    write: (schema, { path }) => `"${CHARACTER}${times(...boundsOf(schema, 'Length', path))}"`,
  },
  array: { keywords: ['items', 'minItems', 'maxItems'], write: arrayOf },
  object: { keywords: ['properties', 'required', 'additionalProperties'], write: objectOf },
};

const isOf = (value: Json, names: readonly Json[]): boolean => {
  if (value === null) return names.includes('null');
  if (Array.isArray(value)) return names.includes('array');
  if (Number.isInteger(value) && names.includes('integer')) return true;
  return names.includes(typeof value);
};

/** A keyword beside others that are not looked at would be broken in silence. */
function checkKeywords(schema: Schema, known: readonly string[], { path }: Place): void {
  const all = [...known, ...ANNOTATIONS];
  const unknown = Object.keys(schema).find((keyword) => !all.includes(keyword));
  if (unknown !== undefined) {
    refuse(`${path}.${unknown}`, 'given', `only ${known.join(', ')} here, and annotations`);
  }
}

function alternatives(
  values: Json,
  keyword: string,
  place: Place,
  write: (each: Json, i: number) => string,
): string {
  if (!Array.isArray(values) || values.length === 0) {
    return refuse(`${place.path}.${keyword}`, show(values), 'a list that is not empty');
  }
  return `(?:${values.map(write).join('|')})`;
}

/** The regular expression of the texts of a schema's values. */
function expressionOf(schema: Json, place: Place): string {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    return refuse(place.path, show(schema), 'an object with type, enum, const, anyOf or $ref');
  }
  const given = schema as Schema;
  const { $ref, anyOf, type } = given;
  if ($ref !== undefined) {
    checkKeywords(given, ['$ref'], place);
    return referenceOf($ref, place);
  }
  if (anyOf !== undefined) {
    checkKeywords(given, ['anyOf'], place);
    return alternatives(anyOf, 'anyOf', place, (each, i) =>
      expressionOf(each, { ...place, path: `${place.path}.anyOf[${i}]` }),
    );
  }
  const names = Array.isArray(type) ? (type as Json[]) : [type as Json];
  const fixed = ['const', 'enum'].find((keyword) => given[keyword] !== undefined);
  if (fixed !== undefined) {
    checkKeywords(given, ['type', fixed], place);
    const values = fixed === 'const' ? [given['const']!] : given['enum']!;
    return alternatives(values, fixed, place, (value) =>
      type === undefined || isOf(value, names)
        ? valueOf(value)
        : refuse(
            `${place.path}.${fixed}`,
            show(value),
            `only values of the type ${names.join(' or ')}`,
          ),
    );
  }
  const writers = names.map((name) => {
    const known = typeof name === 'string' && Object.hasOwn(types, name) ? types[name] : undefined;
    return (
      known ?? refuse(`${place.path}.type`, show(name), `one of ${Object.keys(types).join(', ')}`)
    );
  });
  checkKeywords(given, ['type', ...writers.flatMap(({ keywords }) => keywords)], place);
  const written = writers.map(({ write }) => write(given, place));
  return written.length === 1 ? written[0]! : `(?:${written.join('|')})`;
}

/**
 * Completions that are JSON of a schema, without white space but for one optional space after commas and colons.
 *
 * Understood are `type` (one or several), `enum`, `const`, `anyOf`, `$ref` within the schema, of strings `minLength` and `maxLength`, of arrays
 * `items` (which they must have), `minItems` and `maxItems`, of objects `properties` and `required`; annotations say nothing.
 * Whatever else would restrict (`pattern`, `minimum`, `oneOf`, ...) is refused, as are schemas within themselves. Properties come in the
 * order of the schema, and no others. Integers have at most 15 digits, numbers 15 more and an exponent of two.
 *
 * @param tokenizer - of the model that completes
 * @param schema - JSON Schema, draft 2020-12
 * @returns option `constraint` of `generate`
 * @throws RangeError naming the part of the schema that is not understood; as `regexConstraint` for the tokenizer
 * @see https://json-schema.org/draft/2020-12
 *
 * @example
 * ```ts
 * const tokenizer = byteTokenizer();
 * const { start, after, accepts } = jsonConstraint(tokenizer, { type: 'array', items: { type: 'boolean' }, maxItems: 2 });
 * const end = tokenizer.encode('[true, false]').reduce((state, token) => after(state)[token], start);
 * accepts(end); // => true
 * after(tokenizer.encode('[tr').reduce((state, token) => after(state)[token], start)).filter((next) => next >= 0).length; // => 1
 * ```
 */
export const jsonConstraint = (tokenizer: Tokenizer, schema: Json): Constraint =>
  matching(
    'jsonConstraint: schema as an expression',
    tokenizer,
    expressionOf(schema, { path: '', root: schema, within: [] }),
  );
