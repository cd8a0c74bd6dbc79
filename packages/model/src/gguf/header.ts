import { foundInstead } from '../tensor-files/found-instead.js';
import { type NumberFormat, byteLength } from '../tensor-files/number-format.js';
import { sizeOf } from '../tensor-files/stored-tensor.js';
import { Cursor, type Value } from './cursor.js';
import { TYPES } from './quantised-types.js';

/** One tensor of a GGUF file, and where it lies. */
interface GgufTensor {
  readonly name: string;
  /** Rows first, as everywhere else; the file has it the other way round. */
  readonly shape: readonly number[];
  readonly format: NumberFormat;
  /** The first byte, counted from the beginning of the file. */
  readonly begin: number;
  /** Numbers in it. */
  readonly size: number;
}

/** What stands before the tensors. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, Value>;
  readonly tensors: readonly GgufTensor[];
}

const MAGIC = 0x46554747;
/** The bytes of the shortest entry of the metadata, and of the shortest description of a tensor. */
const ENTRY = 8 + 4 + 1;
const DESCRIPTION = 8 + 4 + 4 + 8;

function readMetadata(cursor: Cursor, count: number): Map<string, Value> {
  const metadata = new Map<string, Value>();
  for (let i = 0; i < count; i++) {
    const key = cursor.text();
    if (metadata.has(key)) cursor.fail(`it has '${key}' twice`);
    metadata.set(key, cursor.value(cursor.u32()));
  }
  return metadata;
}

type Described = ReturnType<typeof readDescription>;

function readDescription(cursor: Cursor) {
  const name = cursor.text();
  const rank = cursor.u32();
  if (rank > 4) cursor.fail(`'${name}' has ${rank} dimensions, expected at most 4`);
  const shape = Array.from({ length: rank }, () => cursor.u64()).reverse();
  return { name, shape, type: cursor.u32(), offset: cursor.u64() };
}

function place(
  { name, shape, type, offset }: Described,
  start: number,
  cursor: Cursor,
): GgufTensor {
  const format = TYPES[type];
  if (format === undefined) {
    const known = Object.entries(TYPES).map(([number, each]) => `${each.name} (${number})`);
    return cursor.fail(`'${name}' has the type ${type}, expected one of ${known.join(', ')}`);
  }
  const size = sizeOf(shape);
  if ((shape.at(-1) ?? 1) % format.values !== 0) {
    cursor.fail(
      `'${name}' has rows of ${shape.at(-1)}, expected a multiple of ${format.values} (${format.name})`,
    );
  }
  const begin = start + offset;
  if (!(begin + byteLength(format, size) <= cursor.size)) {
    cursor.fail(
      `'${name}' ends at ${begin + byteLength(format, size)}, expected at most ${cursor.size}; the file is truncated`,
    );
  }
  return { name, shape, format, begin, size };
}

function checkOverlap(tensors: readonly GgufTensor[], cursor: Cursor): void {
  const sorted = [...tensors].sort((a, b) => a.begin - b.begin || a.size - b.size);
  let end = 0;
  for (const { name, begin, format, size } of sorted) {
    if (begin < end)
      cursor.fail(`'${name}' begins at ${begin}, expected at least ${end}; tensors overlap`);
    end = begin + byteLength(format, size);
  }
}

/**
 * The header of a GGUF file, versions 2 and 3.
 *
 * @param bytes - the first bytes of the file
 * @param size - of the whole file
 * @param fail - reports a problem
 * @throws NeedMore if the header is longer than `bytes`
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export function parseGguf(
  bytes: Uint8Array,
  size: number,
  fail: (problem: string) => never,
): GgufHeader {
  const cursor = new Cursor(bytes, size, fail);
  if (cursor.u32() !== MAGIC) {
    fail(foundInstead(bytes) ?? 'it does not begin with GGUF; this is no GGUF file');
  }
  const version = cursor.u32();
  if (version !== 2 && version !== 3) {
    fail(`it has version ${version}, expected 2 or 3, little-endian; convert the model anew`);
  }
  const tensorCount = cursor.count('tensors', DESCRIPTION);
  const metadata = readMetadata(cursor, cursor.count('entries of metadata', ENTRY));
  const described: Described[] = [];
  while (described.length < tensorCount) described.push(readDescription(cursor));
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment < 1) {
    return fail(`general.alignment is ${String(alignment)}, expected a positive integer`);
  }
  const start = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = described.map((each) => place(each, start, cursor));
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) fail(`it has '${name}' twice`);
    names.add(name);
  }
  checkOverlap(tensors, cursor);
  return { metadata, tensors };
}
