import { checkCount, resolveOptions } from '../check.js';

/** From bytes to how many are left after compression. */
export type Compress = (bytes: Uint8Array) => number | Promise<number>;

/** Options of {@link compressionRatio}. */
export interface CompressionOptions {
  /** Compressor. @defaultValue gzip of the platform, at its own level */
  readonly compress?: Compress;
}

// What Node.js and browsers share; no type library has just this.
interface Platform {
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
  readonly Blob: new (parts: readonly Uint8Array[]) => {
    stream(): { pipeThrough(by: object): object };
  };
  readonly Response: new (stream: object) => { arrayBuffer(): Promise<ArrayBuffer> };
  readonly CompressionStream: new (format: 'gzip') => object;
}

/**
 * Compression ratio: how much shorter texts become when repetition is compressed.
 *
 *     compressionRatio = bytes of the texts, joined by newlines / bytes after compression
 *
 * Unit: none. Range: (0, infinity); higher is less diverse, below 1 for a few short texts. Misleads across
 * amounts of text, which decide how much can repeat, and across compressors and their levels: state them.
 *
 * @param texts - At least one.
 * @throws RangeError if there is no text or they are all empty; TypeError if one is not a string.
 * @see Shaib et al. 2024, https://arxiv.org/abs/2403.00553
 *
 * @example
 * ```ts
 * const ratio = await compressionRatio(new Array(100).fill('the same again'));
 * ratio > 20; // => true
 * ```
 */
export async function compressionRatio(
  texts: readonly string[],
  options: CompressionOptions = {},
): Promise<number> {
  const { compress } = resolveOptions('compressionRatio', options, { compress: gzip });
  checkCount('compressionRatio', 'texts', texts.length, 1);
  texts.forEach((text, i) => {
    if (typeof text !== 'string') {
      throw new TypeError(`compressionRatio: texts[${i}] is ${typeof text}, expected a string`);
    }
  });
  const { TextEncoder } = globalThis as unknown as Platform;
  const bytes = new TextEncoder().encode(texts.join('\n'));
  checkCount('compressionRatio', 'bytes of texts', bytes.length, 1);
  return bytes.length / (await compress(bytes));
}

async function gzip(bytes: Uint8Array): Promise<number> {
  const { Blob, CompressionStream, Response } = globalThis as unknown as Platform;
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return (await new Response(stream).arrayBuffer()).byteLength;
}
