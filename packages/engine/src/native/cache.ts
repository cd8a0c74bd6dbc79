import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import envPaths from 'env-paths';

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
 * Makes the cache folder, if it is not there. (Node's recursive `mkdirSync` reports a read-only file system as a missing
 * one, and does not return at all for some paths.)
 *
 * @throws Error with one line if that is not possible.
 */
export function makeCacheFolder(): string {
  const make = (folder: string): void => {
    if (existsSync(folder)) return;
    make(dirname(folder));
    try {
      mkdirSync(folder);
    } catch (error) {
      // Another process may just have made it.
      if (!existsSync(folder)) throw error;
    }
  };
  const folder = cacheFolder();
  try {
    make(folder);
    if (statSync(folder).isDirectory()) return folder;
  } catch {
    // Said below.
  }
  throw new Error(`${folder} cannot be made; set CFRL_CACHE to a folder that can be written`);
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
