import { existsSync } from 'node:fs';
import { join } from 'node:path';

import envPaths from 'env-paths';

/** The TensorFlow that the binding is built against. */
export const tensorflowVersion = '2.21.0';

/** Folder for what may be made again at any time; `CFRL_CACHE` overrides the system's place for it. */
export function cacheFolder(): string {
  const override = process.env['CFRL_CACHE'];
  return override === undefined || override === ''
    ? envPaths('cfrl', { suffix: '' }).cache
    : override;
}

/** Folder of one finished build. */
export const buildFolder = (tfjsVersion: string): string =>
  join(
    cacheFolder(),
    `tensorflow-${tensorflowVersion}-tfjs-node-${tfjsVersion}-${process.platform}-${process.arch}`,
  );

/** The binding inside a folder that is laid out as `@tensorflow/tfjs-node` lays itself out. */
export function findBinding(folder: string): string | undefined {
  return [8, 7, 6, 5, 4, 3]
    .map((napi) => join(folder, 'lib', `napi-v${napi}`, 'tfjs_binding.node'))
    .find((file) => existsSync(file));
}
