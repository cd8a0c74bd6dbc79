import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { download } from '../src/files/download.js';

/** Bytes that are all unlike their neighbours, so that a shifted or doubled part shows. */
const bytesOf = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 13));
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

interface Behaviour {
  /** Bytes after which each connection is cut, in order; none is cut when the list is used up. */
  readonly cuts?: number[];
  /** Whether the server honours Range. */
  readonly ranges?: boolean;
  /** Whether a connection that should be cut stays open, silent, instead. */
  readonly hang?: boolean;
  readonly status?: number;
}

let folder = '';
let server: Server | undefined;
/** The Range header of each request. */
let requests: (string | undefined)[] = [];

async function serve(bytes: Buffer, behaviour: Behaviour = {}): Promise<string> {
  const { cuts = [], ranges = true, hang = false, status } = behaviour;
  const started = createServer((request, response) => {
    requests.push(request.headers.range);
    if (status !== undefined) return void response.writeHead(status).end();
    const asked = ranges ? /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] : undefined;
    const start = Number(asked ?? 0);
    const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    if (asked !== undefined && start >= bytes.length) {
      return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    }
    const rest = bytes.subarray(start);
    response.writeHead(asked === undefined ? 200 : 206, {
      'content-length': rest.length,
      ...(asked !== undefined && { 'content-range': range }),
    });
    const cut = cuts.shift();
    if (cut === undefined) return void response.end(rest);
    response.write(rest.subarray(0, cut), () => {
      if (!hang) setTimeout(() => response.destroy(), 20);
    });
  });
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  server = started;
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}/file`;
}

const stop = async (): Promise<void> => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cfrl-download-'));
  requests = [];
});

afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

describe('download', () => {
  const bytes = bytesOf(300_000);
  const options = { sha256: sha256(bytes) };

  it('checks the name that Git gives the contents, and sends the given headers', async () => {
    const url = await serve(bytes);
    const gitBlob = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    const file = join(folder, 'file');
    await download(url, file, { gitBlob });
    expect(readFileSync(file)).toEqual(bytes);
    // A range of our own shows that headers are sent: the rest of the file is no such blob.
    const rest = download(url, join(folder, 'rest'), { gitBlob, headers: { range: 'bytes=10-' } });
    await expect(rest).rejects.toThrow('the download is damaged (its Git SHA-1 is');
    expect(requests).toEqual([undefined, 'bytes=10-']);
  });

  it('takes a file without a digest as it comes', async () => {
    await download(await serve(bytes), join(folder, 'file'), {});
    expect(readFileSync(join(folder, 'file'))).toEqual(bytes);
    const damaged = download(await serve(bytes), join(folder, 'other'), {
      gitBlob: '0'.repeat(40),
    });
    await expect(damaged).rejects.toThrow('the download is damaged (its Git SHA-1 is');
    expect(existsSync(join(folder, 'other'))).toBe(false);
  });

  it('writes the file, and counts its bytes', async () => {
    const file = join(folder, 'a');
    const counts: number[] = [];
    await download(await serve(bytes), file, {
      ...options,
      onBytes: (count, total) => {
        expect(total).toBe(bytes.length);
        counts.push(count);
      },
    });
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(existsSync(`${file}.partial`)).toBe(false);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.at(-1)).toBe(bytes.length);
  });

  it('continues what a killed process left, and fetches only the rest', async () => {
    const file = join(folder, 'a');
    writeFileSync(`${file}.partial`, bytes.subarray(0, 123_456));
    const counts: (number | undefined)[] = [];
    const onBytes = (count: number, total: number | undefined): unknown =>
      counts.push(count, total);
    await download(await serve(bytes), file, { ...options, onBytes });
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(requests).toEqual(['bytes=123456-']);
    expect(counts.slice(0, 2)).toEqual([123_456, bytes.length]);
    expect(counts.slice(-2)).toEqual([bytes.length, bytes.length]);
  });

  it('takes what a process left that was killed just before the end', async () => {
    const file = join(folder, 'a');
    writeFileSync(`${file}.partial`, bytes);
    await download(await serve(bytes), file, options);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('is whole wherever connections break off, however many do', async () => {
    const cut = fc.integer({ min: 1, max: 60_000 });
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { maxLength: 4 }), fc.boolean(), async (cuts, ranges) => {
        const file = join(folder, `b${cuts.join('-')}${ranges}`);
        // Without Range each try starts anew, and three in a row may fail without a new byte.
        const url = await serve(bytes, { cuts: ranges ? [...cuts] : cuts.slice(0, 1), ranges });
        await download(url, file, options);
        await stop();
        expect(readFileSync(file).equals(bytes)).toBe(true);
      }),
      { numRuns: 4 },
    );
  });

  it('starts anew where the server knows no ranges', async () => {
    const file = join(folder, 'a');
    writeFileSync(`${file}.partial`, bytes.subarray(0, 1000));
    await download(await serve(bytes, { ranges: false }), file, options);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('refuses damaged bytes, and leaves nothing of them', async () => {
    const file = join(folder, 'a');
    const damaged = Buffer.from(bytes);
    damaged[777]! ^= 1;
    await expect(download(await serve(damaged), file, options)).rejects.toThrow(
      /^the download is damaged \(its SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}\)$/,
    );
    expect(existsSync(file)).toBe(false);
    expect(existsSync(`${file}.partial`)).toBe(false);
  });

  it('gives up a silent connection, and keeps what came', async () => {
    const file = join(folder, 'a');
    const url = await serve(bytes, { cuts: [50_000, 0, 0], hang: true });
    const failing = download(url, file, { ...options, stallMs: 1500, attempts: 2 });
    await expect(failing).rejects.toThrow('no data for 1.5 s');
    expect(readFileSync(`${file}.partial`).equals(bytes.subarray(0, 50_000))).toBe(true);
  });

  it('does not ask again where it was refused', async () => {
    const url = await serve(bytes, { status: 403 });
    await expect(download(url, join(folder, 'a'), options)).rejects.toThrow(
      'the server answered 403',
    );
    expect(requests.length).toBe(1);
  });

  it('says why nothing can be reached', async () => {
    const url = await serve(bytes);
    await stop();
    await expect(download(url, join(folder, 'a'), { ...options, attempts: 1 })).rejects.toThrow(
      /ECONNREFUSED/,
    );
  });
});
