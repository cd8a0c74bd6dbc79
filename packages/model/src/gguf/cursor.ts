/** Thrown when the bytes at hand end before the header does. */
export class NeedMore extends Error {}

/** A value of the metadata; integers beyond 2^53 are refused. Numbers of an array stay packed. */
export type Value = number | boolean | string | readonly Value[] | Packed;

/** The types of numbers: the bytes of one, how it is read, and what an array of them is. */
const NUMBERS = {
  0: [1, 'getUint8', Uint8Array],
  1: [1, 'getInt8', Int8Array],
  2: [2, 'getUint16', Uint16Array],
  3: [2, 'getInt16', Int16Array],
  4: [4, 'getUint32', Uint32Array],
  5: [4, 'getInt32', Int32Array],
  6: [4, 'getFloat32', Float32Array],
  7: [1, 'getUint8', Uint8Array],
  10: [8, 'getBigUint64', undefined],
  11: [8, 'getBigInt64', undefined],
  12: [8, 'getFloat64', Float64Array],
} as const;

type NumberType = (typeof NUMBERS)[keyof typeof NUMBERS];
export type Packed = InstanceType<NonNullable<NumberType[2]>>;

const formatOf = (type: number): NumberType | undefined => NUMBERS[type as keyof typeof NUMBERS];

const BOOLEAN = 7;
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
    const format = formatOf(type);
    if (format === undefined) return this.fail(`it has a value of type ${type}, expected 0 to 12`);
    const [bytes, read] = format;
    const number = this.#view[read](this.#take(bytes), true);
    if (type === BOOLEAN) return number !== 0;
    return typeof number === 'bigint' ? this.#safe(number) : number;
  }

  #array(depth: number): Value {
    if (depth === MAX_DEPTH)
      this.fail(`it has arrays in arrays, expected at most ${MAX_DEPTH} levels`);
    const type = this.u32();
    const [bytes, , Pack] = formatOf(type) ?? [8];
    const length = this.count('entries in an array', bytes);
    if (Pack !== undefined) {
      const at = this.#take(length * bytes);
      return new Pack(new Uint8Array(this.bytes.subarray(at, at + length * bytes)).buffer);
    }
    // Not at once: the count alone must not make room for what the bytes at hand do not hold.
    const values: Value[] = [];
    while (values.length < length) values.push(this.value(type, depth + 1));
    return values;
  }
}
