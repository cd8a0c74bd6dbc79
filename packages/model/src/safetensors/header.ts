import { UNREAD_BYTES, formats } from './formats.js';
import type { NumberFormat } from '../tensor-files/number-format.js';

/** The limit of the reference implementation. */
const MAX_HEADER = 100_000_000;

/** The bytes before the header, which say how long it is. */
export const PREFIX = 8;

/** One tensor of a file, and where it lies. */
export interface Placed {
  readonly name: string;
  readonly dtype: string;
  /** Absent for a dtype that exists but is not read: what nobody needs may have it. */
  readonly format?: NumberFormat;
  readonly shape: readonly number[];
  /** The first byte and the one after the last, counted from the beginning of the file. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the header. */
  readonly tensors: readonly Placed[];
}

export type Fail = (problem: string) => never;

/** Where the data begins, from the first bytes of a file of some size. */
export function dataStart(prefix: Uint8Array, size: number, fail: Fail): number {
  if (prefix.length < PREFIX) {
    fail(`the file has ${prefix.length} bytes, expected at least ${PREFIX}; the file is truncated`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, PREFIX).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) {
    fail(`header has ${length} bytes, expected at most ${MAX_HEADER}; this is no safetensors file`);
  }
  const start = PREFIX + Number(length);
  if (start > size) {
    fail(`header has ${length} bytes, expected at most ${size - PREFIX}; the file is truncated`);
  }
  return start;
}

/** The header of a file of some size, from the bytes after the prefix: formats, shapes, and spans that cover the data are checked. */
export function parseHeader(json: Uint8Array, size: number, fail: Fail): Header {
  const { __metadata__: metadata, ...infos } = parseJson(json, fail);
  const start = PREFIX + json.length;
  const tensors = Object.entries(infos).map(([name, info]) => checkTensor(name, info, start, fail));
  checkSpans(tensors, start, size, fail);
  return { metadata: checkMetadata(metadata ?? {}, fail), tensors };
}

function parseJson(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    fail('header is not JSON in UTF-8, expected a JSON object');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    fail('header is not an object, expected a JSON object');
  }
  return header as Record<string, unknown>;
}

function checkMetadata(metadata: unknown, fail: Fail): Record<string, string> {
  const isText = (value: unknown): boolean => typeof value === 'string';
  if (typeof metadata !== 'object' || metadata === null || !Object.values(metadata).every(isText)) {
    fail('__metadata__ has values that are not strings, expected only strings');
  }
  return metadata as Record<string, string>;
}

/** What is wrong with a tensor whose numbers are asked for, and are of a dtype that is not read. */
export const unreadable = (name: string, dtype: unknown): string =>
  `'${name}' has dtype ${JSON.stringify(dtype)}, expected one of ${Object.keys(formats).join(', ')}`;

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function checkTensor(name: string, info: unknown, start: number, fail: Fail): Placed {
  const { dtype, shape, data_offsets: offsets } = (info ?? {}) as Record<string, unknown>;
  const ofDtype = <T>(record: Readonly<Record<string, T>>): T | undefined =>
    typeof dtype === 'string' && Object.hasOwn(record, dtype) ? record[dtype] : undefined;
  const format = ofDtype(formats);
  const width = format?.bytes ?? ofDtype(UNREAD_BYTES);
  if (width === undefined) return fail(unreadable(name, dtype));
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    return fail(`'${name}' has shape ${JSON.stringify(shape)}, expected non-negative integers`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return fail(`'${name}' has data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, n) => product * n, width);
  if (end - begin !== bytes) {
    fail(
      `'${name}' has data_offsets [${begin}, ${end}], expected a span of ${bytes} bytes (dtype and shape)`,
    );
  }
  const placed = { name, dtype: dtype as string, shape, begin: start + begin, end: start + end };
  return { ...placed, ...(format && { format }) };
}

/** The spans must follow each other without a gap or an overlap, up to the end of the file. */
function checkSpans(tensors: readonly Placed[], start: number, size: number, fail: Fail): void {
  const sorted = [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = start;
  for (const { name, begin, end } of sorted) {
    if (begin !== expected) {
      fail(
        `'${name}' begins at ${begin - start}, expected ${expected - start}; tensors ${begin < expected ? 'overlap' : 'leave a gap'}`,
      );
    }
    expected = end;
  }
  if (expected !== size) {
    fail(
      `data has ${size - start} bytes, expected ${expected - start}; the file ${size < expected ? 'is truncated' : 'has bytes that no tensor owns'}`,
    );
  }
}
