import { type Hash, createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

import { publish } from './write.js';

/** Options of {@link download}. */
export interface DownloadOptions {
  /** Expected SHA-256, lower-case hex. */
  readonly sha256?: string;
  /** Expected name of the file as a Git blob (SHA-1), lower-case hex. */
  readonly gitBlob?: string;
  /** Headers of each request, a token say; they do not follow to another host. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Called with the bytes on disk and, where the server says so, the bytes in all. */
  readonly onBytes?: (bytes: number, totalBytes: number | undefined) => void;
  /** Called when everything is there and is being checked. */
  readonly onVerify?: () => void;
  /** Silence after which a connection is given up. @defaultValue 30000 */
  readonly stallMs?: number;
  /** Connections that may fail in a row without a new byte. @defaultValue 3 */
  readonly attempts?: number;
}

/**
 * Downloads a file over HTTP. What a broken connection or a killed process leaves (`<file>.partial`) is continued, not
 * fetched again. The file appears under its name only when its digest is right, where one is given.
 *
 * @throws Error if the server refuses, the connection keeps failing, or the digest is wrong (the partial file is then
 *   deleted).
 */
export async function download(url: string, file: string, options: DownloadOptions): Promise<void> {
  const { onVerify, attempts = 3 } = options;
  const partial = `${file}.partial`;
  for (let failed = 0, done = false; !done;) {
    const before = await size(partial);
    try {
      await fetchRest(url, partial, before, options);
      done = true;
    } catch (error) {
      failed = (await size(partial)) > before ? 1 : failed + 1;
      if (failed >= attempts || isFinal(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * failed));
    }
  }
  onVerify?.();
  await verify(partial, options);
  publish(partial, file);
}

async function verify(partial: string, { sha256, gitBlob }: DownloadOptions): Promise<void> {
  const checks = [
    ['SHA-256', sha256, digest],
    ['Git SHA-1', gitBlob, blobName],
  ] as const;
  for (const [name, expected, compute] of checks) {
    if (expected === undefined) continue;
    const actual = await compute(partial);
    if (actual === expected) continue;
    await rm(partial, { force: true });
    throw new Error(`the download is damaged (its ${name} is ${actual}, expected ${expected})`);
  }
}

/** SHA-256 of a file, lower-case hex. */
export async function digest(file: string): Promise<string> {
  return hashed(createHash('sha256'), file);
}

/** The name that Git gives a file's contents. */
async function blobName(file: string): Promise<string> {
  return hashed(createHash('sha1').update(`blob ${await size(file)}\0`), file);
}

async function hashed(hash: Hash, file: string): Promise<string> {
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** A refusal: asking again would not help. */
class Refused extends Error {}

const isFinal = (error: unknown): boolean =>
  error instanceof Refused || (error as NodeJS.ErrnoException).code === 'ENOSPC';

async function fetchRest(
  url: string,
  partial: string,
  have: number,
  { onBytes, stallMs = 30_000, headers: given = {} }: DownloadOptions,
): Promise<void> {
  const abort = new AbortController();
  const stalled = (): void => abort.abort(new Error(`no data for ${stallMs / 1000} s`));
  let timer = setTimeout(stalled, stallMs);
  try {
    const range = have > 0 ? { range: `bytes=${have}-` } : {};
    const headers = { ...given, 'accept-encoding': 'identity', ...range };
    const response = await fetch(url, { headers, signal: abort.signal });
    if (response.status === 416 && have > 0) {
      // Everything is there already, or the file has changed: the digest tells.
      await response.body?.cancel();
      if (contentRangeTotal(response) === have) return;
      await rm(partial, { force: true });
      throw new Error('the file has changed on the server');
    }
    if (!response.ok || response.body === null)
      throw new Refused(`the server answered ${response.status}`);
    const append = response.status === 206;
    let bytes = append ? have : 0;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total = Number.isNaN(length) ? undefined : bytes + length;
    onBytes?.(bytes, total);
    const count = new Transform({
      transform(chunk: Buffer, _encoding, next): void {
        clearTimeout(timer);
        timer = setTimeout(stalled, stallMs);
        bytes += chunk.length;
        onBytes?.(bytes, total);
        next(null, chunk);
      },
    });
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    await pipeline(
      body,
      count,
      createWriteStream(partial, { flags: append ? 'a' : 'w', flush: true }),
    );
    if (total !== undefined && bytes < total) throw new Error('the connection broke off');
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : withCause(error);
  } finally {
    clearTimeout(timer);
  }
}

/** `fetch failed` says nothing; its cause does. */
const withCause = (error: unknown): unknown =>
  error instanceof TypeError && error.cause instanceof Error ? error.cause : error;

function contentRangeTotal(response: Response): number | undefined {
  const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}

const size = async (file: string): Promise<number> => {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
};
