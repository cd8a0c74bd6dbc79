/** Edits of GGUF files, for what no converter at hand writes. */

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (value: number): Buffer => Buffer.from(Float32Array.of(value).buffer);
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
};

/** A number is a float32 unless it is whole. */
export type MetadataValue = number | boolean | string | readonly string[];

function valueOf(value: MetadataValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([u32(8), text(value)]);
  if (typeof value === 'boolean') return Buffer.concat([u32(7), Buffer.from([Number(value)])]);
  if (typeof value === 'number') {
    return Number.isInteger(value)
      ? Buffer.concat([u32(4), u32(value)])
      : Buffer.concat([u32(6), f32(value)]);
  }
  return Buffer.concat([u32(9), u32(8), u64(value.length), ...value.map(text)]);
}

/** The key of metadata under another name of the same length, so that it counts as not there. */
export const withoutKey = (file: Buffer, key: string): Buffer => {
  const at = file.indexOf(text(key));
  if (at < 0) throw new Error(`the file has no ${key}`);
  const copy = Buffer.from(file);
  copy.write('x', at + 8);
  return copy;
};

/**
 * A file with more metadata and more tensors of float32.
 *
 * @param first - the name of its first tensor, if it has any
 * @param dataStart - where its tensors' data begins
 */
export function withMore(
  file: Buffer,
  { first, dataStart }: { readonly first?: string; readonly dataStart: number },
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: Readonly<Record<string, readonly number[]>> = {},
): Buffer {
  const infosAt = first === undefined ? file.length : file.indexOf(text(first));
  const keys = Object.entries(metadata).map(([key, value]): Buffer =>
    Buffer.concat([text(key), valueOf(value)]),
  );
  const chunks: Buffer[] = [Buffer.alloc((32 - (file.length % 32)) % 32)];
  let offset = file.length + chunks[0]!.length - dataStart;
  const infos = Object.entries(tensors).map(([name, numbers]) => {
    const info = Buffer.concat([text(name), u32(1), u64(numbers.length), u32(0), u64(offset)]);
    const padding = Buffer.alloc((32 - ((numbers.length * 4) % 32)) % 32);
    chunks.push(Buffer.from(Float32Array.from(numbers).buffer), padding);
    offset += numbers.length * 4 + padding.length;
    return info;
  });
  // What is put in must be a multiple of 32 bytes, so that the data stays aligned: a key of its own fills up.
  const filler = (length: number): Buffer =>
    Buffer.concat([text('filler'), valueOf(' '.repeat(length))]);
  const size = Buffer.concat([...keys, ...infos, filler(0)]).length;
  keys.push(filler((32 - (size % 32)) % 32));
  const counts = [
    Number(file.readBigUInt64LE(8)) + infos.length,
    Number(file.readBigUInt64LE(16)) + keys.length,
  ].map(u64);
  return Buffer.concat([
    ...[file.subarray(0, 8), ...counts, ...keys],
    ...[file.subarray(24, infosAt), ...infos, file.subarray(infosAt), ...chunks],
  ]);
}
