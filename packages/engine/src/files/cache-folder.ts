import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import envPaths from 'env-paths';

import { makeFolder } from './make-folder.js';

/** The TensorFlow that the binding is built against. */
export const tensorflowVersion = '2.21.0';

/** Folder for what may be made again at any time; `CFRL_CACHE` overrides the system's place for it. */
export function cacheFolder(): string {
  const override = process.env['CFRL_CACHE'];
  return override === undefined || override === ''
    ? envPaths('cfrl', { suffix: '' }).cache
    : resolve(override);
}

/**
 * Makes the cache folder, if it is not there.
 *
 * @throws Error with one line if that is not possible.
 */
export function makeCacheFolder(): string {
  const folder = cacheFolder();
  try {
    makeFolder(folder);
    return folder;
  } catch (cause) {
    throw new Error(`${folder} cannot be made; set CFRL_CACHE to a folder that can be written`, {
      cause,
    });
  }
}

/** What an error of the work in the cache folder says, in one line. */
export function cacheMessage(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return `no space is left in ${cacheFolder()}; set CFRL_CACHE to another folder`;
  if (['EACCES', 'EROFS', 'EPERM', 'ENOTDIR'].includes(code))
    return `${cacheFolder()} cannot be written; set CFRL_CACHE to a folder that can`;
  return String(message).split('\n', 1)[0]!;
}

/** Raised when what is built changes, so that an older build is not taken for it. */
const revision = 2;

/** Folder of one finished build. */
export const buildFolder = (tfjsVersion: string): string =>
  join(
    cacheFolder(),
    `tensorflow-${tensorflowVersion}-tfjs-node-${tfjsVersion}-${process.platform}-${process.arch}-${revision}`,
  );

/** The binding inside a folder that is laid out as `@tensorflow/tfjs-node` lays itself out. */
export function findBinding(folder: string): string | undefined {
  return [8, 7, 6, 5, 4, 3]
    .map((napi) => join(folder, 'lib', `napi-v${napi}`, 'tfjs_binding.node'))
    .find((file) => existsSync(file));
}
