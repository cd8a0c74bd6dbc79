import * as tf from '@tensorflow/tfjs-core';

import { formats } from './entry.js';
import type { Entry } from './entry.js';

/** The limit of the reference implementation. */
const MAX_HEADER = 100_000_000;

const fail = (problem: string): never => {
  throw new RangeError(`decodeSafetensors: ${problem}`);
};

interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly (readonly [string, unknown])[];
  /** Where the data begins. */
  readonly start: number;
}

function parseHeader(bytes: Uint8Array): Header {
  if (bytes.length < 8)
    fail(`bytes has length ${bytes.length}, expected at least 8; the file is truncated`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) {
    fail(`header has ${length} bytes, expected at most ${MAX_HEADER}; this is no safetensors file`);
  }
  const start = 8 + Number(length);
  if (start > bytes.length) {
    fail(`header has ${length} bytes, expected at most ${bytes.length - 8}; the file is truncated`);
  }
  const { __metadata__: metadata = {}, ...tensors } = parseJson(bytes.subarray(8, start));
  return { metadata: checkMetadata(metadata), tensors: Object.entries(tensors), start };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new RangeError('decodeSafetensors: header is not JSON in UTF-8, expected a JSON object', {
      cause,
    });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    fail('header is not an object, expected a JSON object');
  }
  return header as Record<string, unknown>;
}

function checkMetadata(metadata: unknown): Record<string, string> {
  const isText = (value: unknown): boolean => typeof value === 'string';
  if (typeof metadata !== 'object' || metadata === null || !Object.values(metadata).every(isText)) {
    fail('__metadata__ has values that are not strings, expected only strings');
  }
  return metadata as Record<string, string>;
}

interface Placed {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function checkTensor(name: string, info: unknown): Placed {
  const { dtype, shape, data_offsets: offsets } = (info ?? {}) as Record<string, unknown>;
  const format =
    typeof dtype === 'string' && Object.hasOwn(formats, dtype) ? formats[dtype] : undefined;
  if (format === undefined) {
    return fail(
      `'${name}' has dtype ${JSON.stringify(dtype)}, expected one of ${Object.keys(formats).join(', ')}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    return fail(`'${name}' has shape ${JSON.stringify(shape)}, expected non-negative integers`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return fail(`'${name}' has data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((product, n) => product * n, format.bytes);
  if (end - begin !== size) {
    fail(
      `'${name}' has data_offsets [${begin}, ${end}], expected a span of ${size} bytes (dtype and shape)`,
    );
  }
  return { name, dtype: dtype as string, shape, begin, end };
}

/** The spans must follow each other without a gap or an overlap, up to the end of the file. */
function checkSpans(tensors: readonly Placed[], size: number): void {
  const sorted = [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const { name, begin, end } of sorted) {
    if (begin !== expected) {
      fail(
        `'${name}' begins at ${begin}, expected ${expected}; tensors ${begin < expected ? 'overlap' : 'leave a gap'}`,
      );
    }
    expected = end;
  }
  if (expected !== size) {
    fail(
      `data has ${size} bytes, expected ${expected}; the file ${size < expected ? 'is truncated' : 'has bytes that no tensor owns'}`,
    );
  }
}

/** The entries of a file as plain numbers, checked completely before the first is read. */
export function readEntries(bytes: Uint8Array): {
  entries: Entry[];
  metadata: Readonly<Record<string, string>>;
} {
  const { metadata, tensors, start } = parseHeader(bytes);
  const placed = tensors.map(([name, info]) => checkTensor(name, info));
  checkSpans(placed, bytes.length - start);
  const entries = placed.map(({ name, dtype, shape, begin, end }) => ({
    name,
    shape,
    // A copy, for the data may stand unaligned in the file (`slice` of a Buffer would be a view).
    values: formats[dtype]!.read(new Uint8Array(bytes.subarray(start + begin, start + end)).buffer),
  }));
  return { entries, metadata };
}

/** A tensor of an entry's numbers; the caller owns it. */
export const entryTensor = ({ shape, values }: Entry): tf.Tensor =>
  tf.tensor(values, [...shape], values instanceof Int32Array ? 'int32' : 'float32');

/**
 * The tensors and the metadata of a safetensors file. F32 and I32 are read as they are, F16 and
 * BF16 become float32.
 *
 * @param bytes - the whole file
 * @returns `tensors`, in the order of the header, which the caller owns, and `metadata`
 * @throws RangeError if the file is truncated, its header is too long or malformed, a dtype is
 *   unknown, or offsets overlap, leave gaps or do not fit the shapes; no tensor exists then
 * @see https://github.com/huggingface/safetensors#format
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const bytes = encodeSafetensors({ w: tf.tensor1d([1, 2]) }, { step: '3' });
 * const { tensors, metadata } = decodeSafetensors(bytes);
 * [tensors.w.arraySync(), metadata.step]; // => [[1, 2], "3"]
 * ```
 */
export function decodeSafetensors(bytes: Uint8Array): {
  readonly tensors: Readonly<Record<string, tf.Tensor>>;
  readonly metadata: Readonly<Record<string, string>>;
} {
  const { entries, metadata } = readEntries(bytes);
  const tensors = entries.map((entry) => [entry.name, entryTensor(entry)] as const);
  return { tensors: Object.fromEntries(tensors), metadata };
}
