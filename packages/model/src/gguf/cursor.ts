/** Thrown when the bytes at hand end before the header does. */
export class NeedMore extends Error {}

/** A scalar of the metadata; integers beyond 2^53 are refused. */
type Scalar = number | boolean | string;

/** A value of the metadata. Numbers of an array stay packed. */
export type Value = Scalar | readonly Value[] | Packed;

export type Packed =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

type PackedConstructor = new (buffer: ArrayBuffer) => Packed;

/** How a number of each type is read, and how an array of them is packed. */
const NUMBERS: Readonly<
  Record<
    number,
    {
      readonly bytes: number;
      readonly pack?: PackedConstructor;
      readonly read: (view: DataView, at: number) => number | bigint | boolean;
    }
  >
> = {
  0: { bytes: 1, pack: Uint8Array, read: (view, at) => view.getUint8(at) },
  1: { bytes: 1, pack: Int8Array, read: (view, at) => view.getInt8(at) },
  2: { bytes: 2, pack: Uint16Array, read: (view, at) => view.getUint16(at, true) },
  3: { bytes: 2, pack: Int16Array, read: (view, at) => view.getInt16(at, true) },
  4: { bytes: 4, pack: Uint32Array, read: (view, at) => view.getUint32(at, true) },
  5: { bytes: 4, pack: Int32Array, read: (view, at) => view.getInt32(at, true) },
  6: { bytes: 4, pack: Float32Array, read: (view, at) => view.getFloat32(at, true) },
  7: { bytes: 1, pack: Uint8Array, read: (view, at) => view.getUint8(at) !== 0 },
  10: { bytes: 8, read: (view, at) => view.getBigUint64(at, true) },
  11: { bytes: 8, read: (view, at) => view.getBigInt64(at, true) },
  12: { bytes: 8, pack: Float64Array, read: (view, at) => view.getFloat64(at, true) },
};

const STRING = 8;
const ARRAY = 9;
const MAX_DEPTH = 4;

/** Reads the header of a GGUF file from its first bytes, and never beyond them. */
export class Cursor {
  readonly bytes: Uint8Array;
  /** Of the whole file. */
  readonly size: number;
  readonly fail: (problem: string) => never;
  position = 0;
  readonly #view: DataView;
  readonly #text = new TextDecoder();

  constructor(bytes: Uint8Array, size: number, fail: (problem: string) => never) {
    this.bytes = bytes;
    this.size = size;
    this.fail = fail;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The position of the next `bytes` bytes, which are passed over. */
  #take(bytes: number): number {
    const at = this.position;
    if (at + bytes > this.size) this.fail(`the file is truncated at ${this.size} bytes`);
    if (at + bytes > this.bytes.length) throw new NeedMore();
    this.position = at + bytes;
    return at;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    return this.#safe(this.#view.getBigUint64(this.#take(8), true));
  }

  /** A count of things of which each takes at least `bytes` bytes, so that the file must hold them. */
  count(what: string, bytes: number): number {
    const count = this.u64();
    if (count > (this.size - this.position) / bytes) {
      this.fail(
        `it has ${count} ${what}, expected as many as the file has room for; it is truncated or damaged`,
      );
    }
    return count;
  }

  text(): string {
    const length = this.count('bytes in a string', 1);
    const at = this.#take(length);
    return this.#text.decode(this.bytes.subarray(at, at + length));
  }

  value(type: number, depth = 0): Value {
    if (type === STRING) return this.text();
    if (type === ARRAY) return this.#array(depth);
    return this.#number(type);
  }

  #safe(integer: bigint): number {
    const number = Number(integer);
    return Number.isSafeInteger(number)
      ? number
      : this.fail(`it has the integer ${integer}, expected at most 2^53`);
  }

  #number(type: number): number | boolean {
    const format = NUMBERS[type];
    if (format === undefined) return this.fail(`it has a value of type ${type}, expected 0 to 12`);
    const number = format.read(this.#view, this.#take(format.bytes));
    return typeof number === 'bigint' ? this.#safe(number) : number;
  }

  #array(depth: number): Value {
    if (depth === MAX_DEPTH)
      this.fail(`it has arrays in arrays, expected at most ${MAX_DEPTH} levels`);
    const type = this.u32();
    const { bytes = 8, pack } = NUMBERS[type] ?? {};
    const length = this.count('entries in an array', bytes);
    if (pack !== undefined) {
      const at = this.#take(length * bytes);
      return new pack(new Uint8Array(this.bytes.subarray(at, at + length * bytes)).buffer);
    }
    // Not at once: the count alone must not make room for what the bytes at hand do not hold.
    const values: Value[] = [];
    while (values.length < length) values.push(this.value(type, depth + 1));
    return values;
  }
}
