/** Thrown when the bytes at hand end before the header does. */
export class NeedMore extends Error {}

/** A scalar of the metadata; integers beyond 2^53 are refused. */
export type Scalar = number | boolean | string;

/** A value of the metadata. Numbers of an array stay packed. */
export type Value = Scalar | readonly Value[] | Packed;

/** The packed numbers of an array. */
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

/** The bytes that a number of each type takes, and how an array of them is packed. */
const NUMBERS: Readonly<
  Record<number, { readonly bytes: number; readonly pack?: PackedConstructor }>
> = {
  0: { bytes: 1, pack: Uint8Array },
  1: { bytes: 1, pack: Int8Array },
  2: { bytes: 2, pack: Uint16Array },
  3: { bytes: 2, pack: Int16Array },
  4: { bytes: 4, pack: Uint32Array },
  5: { bytes: 4, pack: Int32Array },
  6: { bytes: 4, pack: Float32Array },
  7: { bytes: 1, pack: Uint8Array },
  10: { bytes: 8 },
  11: { bytes: 8 },
  12: { bytes: 8, pack: Float64Array },
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
    const bytes = NUMBERS[type]?.bytes;
    if (bytes === undefined) return this.fail(`it has a value of type ${type}, expected 0 to 12`);
    const [view, at] = [this.#view, this.#take(bytes)];
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7:
        return view.getUint8(at) !== 0;
      case 10:
        return this.#safe(view.getBigUint64(at, true));
      case 11:
        return this.#safe(view.getBigInt64(at, true));
      default:
        return view.getFloat64(at, true);
    }
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
