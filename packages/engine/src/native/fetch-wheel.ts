import { existsSync, mkdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';

import type { InstallEvent } from '../backend/types.js';
import { cacheFolder, cacheMessage } from '../files/cache-folder.js';
import { digest, download } from '../files/download.js';
import { libraries } from './build.js';
import { extract } from './extract.js';
import { pipDownload, resolveWheel, type Wheel, type WheelRequest } from './find-wheel.js';

/** The wheel on disk: fetched directly (it can be continued after a kill), else by pip. */
export async function fetchWheel(
  request: WheelRequest,
  working: string,
  report: (event: InstallEvent) => void,
): Promise<string> {
  const message = `downloading ${request.name}`;
  report({ phase: 'resolve', message: `asking pip for ${request.name}` });
  const wheel = await resolveWheel(request, working);
  const downloads = join(cacheFolder(), 'downloads');
  mkdirSync(downloads, { recursive: true });
  const file = join(downloads, `${wheel.sha256.slice(0, 16)}.whl`);
  if (existsSync(file) && (await digest(file)) === wheel.sha256) return file;
  if (!/^https?:/.test(wheel.url)) {
    // A local folder of wheels, say.
    report({ phase: 'download', message: `${message} through pip` });
    await byPip(request, wheel, working, file);
    return file;
  }
  try {
    await download(wheel.url, file, {
      sha256: wheel.sha256,
      onBytes: (bytes, totalBytes) => {
        const total = totalBytes === undefined ? {} : { totalBytes };
        report({ phase: 'download', message, bytes, ...total });
      },
      onVerify: () => report({ phase: 'verify', message: 'checking the download' }),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    report({ phase: 'download', message: `${message} through pip (${cacheMessage(error)})` });
    await byPip(request, wheel, working, file);
  }
  return file;
}

async function byPip(
  request: WheelRequest,
  { sha256 }: Wheel,
  working: string,
  file: string,
): Promise<void> {
  const downloaded = await pipDownload(request, working);
  if ((await digest(downloaded)) !== sha256) throw new Error('the download is damaged');
  await rename(downloaded, file);
}

/** Of 7,000 files the binding needs two libraries and a handful of C headers. */
export async function unpack(wheel: string, folder: string): Promise<void> {
  const headers =
    /^tensorflow\/(include\/(?:tensorflow\/(?:c|core\/platform)|tsl\/platform|xla\/tsl\/c)\/.*\.h)$/;
  const written = await extract(wheel, folder, (name) => {
    const library = libraries.find((file) => name === `tensorflow/${file}`);
    return library === undefined ? headers.exec(name)?.[1] : join('deps', 'lib', library);
  });
  const missing = libraries.filter((file) => !existsSync(join(folder, 'deps', 'lib', file)));
  if (missing.length > 0 || written === libraries.length) {
    throw new Error(`the wheel ${basename(wheel)} lacks ${missing.join(', ') || 'the C headers'}`);
  }
}
