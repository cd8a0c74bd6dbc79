import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { type Entry, open, type ZipFile } from 'yauzl';

/**
 * Writes some files of a zip archive to disk, one after the other.
 *
 * @param target - Maps a name in the archive to a path below `folder`, or to `undefined` to leave it out.
 * @returns How many files were written.
 */
export async function extract(
  archive: string,
  folder: string,
  target: (name: string) => string | undefined,
): Promise<number> {
  const zip = await openZip(archive);
  try {
    return await new Promise<number>((resolve, reject) => {
      let written = 0;
      zip.on('error', reject);
      zip.on('end', () => resolve(written));
      zip.on('entry', (entry: Entry) => {
        const path = entry.fileName.endsWith('/') ? undefined : target(entry.fileName);
        if (path === undefined) return zip.readEntry();
        written += 1;
        write(zip, entry, join(folder, path)).then(() => zip.readEntry(), reject);
      });
      zip.readEntry();
    });
  } finally {
    zip.close();
  }
}

/** yauzl itself refuses names that are absolute or lead upwards, and checks sizes. */
const openZip = (file: string): Promise<ZipFile> =>
  new Promise((resolve, reject) => {
    open(file, { lazyEntries: true, autoClose: false }, (error, zip) =>
      error === null ? resolve(zip) : reject(error),
    );
  });

async function write(zip: ZipFile, entry: Entry, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const stream = await new Promise<Readable>((resolve, reject) => {
    zip.openReadStream(entry, (error, opened) =>
      error === null ? resolve(opened) : reject(error),
    );
  });
  await pipeline(stream, createWriteStream(file));
}
