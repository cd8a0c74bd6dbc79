/** How numbers lie in a file: in blocks of `bytes` bytes that hold `values` numbers each. */
export interface NumberFormat {
  readonly name: string;
  readonly bytes: number;
  readonly values: number;
  /** The kind of a block's numbers once they are read. */
  readonly kind: 'float32' | 'int32';
  /**
   * Writes the numbers of whole blocks to `out`, from `at` on. Absent where the bytes are the
   * numbers already, in the order of this machine.
   */
  readonly decode?: (bytes: Uint8Array, out: Float32Array, at: number) => void;
}

export type Numbers = Float32Array | Int32Array;

/** The same memory as bytes. */
export const bytesOf = (numbers: Numbers): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);

/** The bytes that `size` numbers take. */
export const byteLength = ({ bytes, values }: NumberFormat, size: number): number =>
  (size / values) * bytes;

/** All the numbers in some bytes, which hold whole blocks. */
export function decodeNumbers(format: NumberFormat, bytes: Uint8Array): Numbers {
  const size = (bytes.length / format.bytes) * format.values;
  const numbers = format.kind === 'int32' ? new Int32Array(size) : new Float32Array(size);
  if (format.decode === undefined) bytesOf(numbers).set(bytes);
  else format.decode(bytes, numbers as Float32Array, 0);
  return numbers;
}

export function allFinite(numbers: Numbers): boolean {
  if (numbers instanceof Int32Array) return true;
  // A finite number times 0 is 0, anything else NaN, which stays in the sum.
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i]! * 0;
  return sum === 0;
}
