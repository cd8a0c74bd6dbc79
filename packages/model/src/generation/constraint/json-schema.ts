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

/** Refuses a part of a schema that does not fit. */
function check(path: string, value: unknown, fits: unknown, expected: string): asserts fits {
  if (fits) return;
  const shown = JSON.stringify(value)?.slice(0, 100) ?? 'absent';
  throw new RangeError(`jsonConstraint: schema${path} is ${shown}, expected ${expected}`);
}

const isRecord = (value: Json | undefined): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value as `JSON.stringify` writes it, with room for a space after commas and colons. */
function valueOf(value: Json): string {
  if (Array.isArray(value)) return String.raw`\[${value.map(valueOf).join(COMMA)}\]`;
  if (!isRecord(value)) return escapeText(JSON.stringify(value));
  const entries = Object.entries(value).map(([key, each]) => propertyOf(key, valueOf(each)));
  return String.raw`\{${entries.join(COMMA)}\}`;
}

const propertyOf = (key: string, value: string): string =>
  `${escapeText(JSON.stringify(key))}: ?${value}`;

/** How many there may be, by `minLength` and `maxLength` or `minItems` and `maxItems`. */
function boundsOf(schema: Schema, of: 'Length' | 'Items', path: string): [number, number] {
  const bound = (name: string, otherwise: number): number => {
    const value = schema[name] ?? otherwise;
    const fits = value === Infinity || (Number.isSafeInteger(value) && Number(value) >= 0);
    check(`${path}.${name}`, value, fits, 'a non-negative integer');
    return Number(value);
  };
  const [from, to] = [bound(`min${of}`, 0), bound(`max${of}`, Infinity)];
  check(`${path}.max${of}`, to, from <= to, `at least min${of}, ${from}`);
  return [from, to];
}

/** A quantifier for so many, the first of them separate. */
const times = (from: number, to: number): string =>
  to === Infinity ? `{${from},}` : `{${from},${to}}`;

function arrayOf(schema: Schema, place: Place): string {
  const { path } = place;
  const [from, to] = boundsOf(schema, 'Items', path);
  const { items } = schema;
  check(`${path}.items`, items, items !== undefined, 'a schema; items must say what they are');
  if (to === 0) return String.raw`\[\]`;
  const item = expressionOf(items, { ...place, path: `${path}.items` });
  const more = `(?:${COMMA}${item})${times(Math.max(from - 1, 0), to - 1)}`;
  const some = `${item}${more}`;
  return String.raw`\[${from === 0 ? `(?:${some})?` : some}\]`;
}

/** Properties in the order of the schema; those that are not required may be left out. */
function objectOf(schema: Schema, place: Place): string {
  const { path } = place;
  const properties = schema['properties'] ?? {};
  const required = schema['required'] ?? [];
  check(`${path}.properties`, properties, isRecord(properties), 'a record of schemas');
  check(`${path}.required`, required, Array.isArray(required), 'a list of names of properties');
  const names = required as readonly Json[];
  const missing = names.find((name) => !Object.hasOwn(properties, String(name)));
  check(`${path}.required`, missing, missing === undefined, 'only names of properties');
  const entries = Object.entries(properties).map(([key, value]) => ({
    text: propertyOf(key, expressionOf(value, { ...place, path: `${path}.properties.${key}` })),
    optional: !names.includes(key),
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
  const { root, within } = place;
  const path = `${place.path}.$ref`;
  const isPlace = typeof reference === 'string' && reference.startsWith('#/');
  check(path, reference, isPlace, 'a place in the schema itself, as #/$defs/name');
  const isNew = !within.includes(reference);
  check(path, reference, isNew, 'no schema within itself: depth has no bound');
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
  check(path, reference, found !== undefined, 'a place that exists');
  return expressionOf(found, { path: `(${reference})`, root, within: [...within, reference] });
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
  if (unknown === undefined) return;
  throw new RangeError(
    `jsonConstraint: schema${path}.${unknown} is given, expected only ${known.join(', ')} here, and annotations`,
  );
}

function alternatives(
  values: Json,
  keyword: string,
  place: Place,
  write: (each: Json, i: number) => string,
): string {
  const fits = Array.isArray(values) && values.length > 0;
  check(`${place.path}.${keyword}`, values, fits, 'a list that is not empty');
  return `(?:${values.map(write).join('|')})`;
}

/** The regular expression of the texts of a schema's values. */
function expressionOf(schema: Json, place: Place): string {
  check(place.path, schema, isRecord(schema), 'an object with type, enum, const, anyOf or $ref');
  const { $ref, anyOf, type } = schema;
  if ($ref !== undefined) {
    checkKeywords(schema, ['$ref'], place);
    return referenceOf($ref, place);
  }
  if (anyOf !== undefined) {
    checkKeywords(schema, ['anyOf'], place);
    return alternatives(anyOf, 'anyOf', place, (each, i) =>
      expressionOf(each, { ...place, path: `${place.path}.anyOf[${i}]` }),
    );
  }
  const names = [type].flat() as Json[];
  const fixed = ['const', 'enum'].find((keyword) => schema[keyword] !== undefined);
  if (fixed !== undefined) {
    checkKeywords(schema, ['type', fixed], place);
    const values = fixed === 'const' ? [schema['const']!] : schema['enum']!;
    return alternatives(values, fixed, place, (value) => {
      const fits = type === undefined || isOf(value, names);
      check(`${place.path}.${fixed}`, value, fits, `only values of the type ${names.join(' or ')}`);
      return valueOf(value);
    });
  }
  const writers = names.map((name) => {
    const isKnown = typeof name === 'string' && Object.hasOwn(types, name);
    check(`${place.path}.type`, name, isKnown, `one of ${Object.keys(types).join(', ')}`);
    return types[name]!;
  });
  checkKeywords(schema, ['type', ...writers.flatMap(({ keywords }) => keywords)], place);
  const written = writers.map(({ write }) => write(schema, place));
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
