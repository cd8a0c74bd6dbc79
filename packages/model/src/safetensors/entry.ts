/** One tensor of a safetensors file, as plain numbers. */
export interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

interface Format {
  readonly bytes: number;
  readonly read: (buffer: ArrayBuffer) => Float32Array | Int32Array;
}

/** The formats that are read; half-precision numbers become float32, exactly. */
export const formats: Readonly<Record<string, Format>> = {
  F32: { bytes: 4, read: (buffer) => new Float32Array(buffer) },
  I32: { bytes: 4, read: (buffer) => new Int32Array(buffer) },
  F16: { bytes: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer), halfToNumber) },
  BF16: { bytes: 2, read: brainFloats },
};

function brainFloats(buffer: ArrayBuffer): Float32Array {
  const halves = new Uint16Array(buffer);
  const words = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(words.buffer);
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
