import { mkdirSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import type { InstallEvent, InstallNativeOptions, NativeInstall } from '../backend/types.js';
import {
  buildFolder,
  cacheFolder,
  cacheMessage,
  findBinding,
  makeCacheFolder,
} from '../files/cache-folder.js';
import { stderrProgress } from '../files/progress.js';
import { withLock } from '../files/with-lock.js';
import { publish } from '../files/write.js';
import { buildBinding, findCompiler, nodeHeaders } from './build.js';
import { fetchWheel, unpack } from './fetch-wheel.js';
import { findTfjsNode, type TfjsNodePackage } from './packages.js';
import { probe, tryOut } from './probe.js';
import { tensorflowWheel, whyNoWheel } from './find-wheel.js';

type Report = (event: InstallEvent) => void;

/** Bytes that the wheel, its libraries and headers take on disk while the binding is being built. */
const neededBytes = 1.3e9;

/** Builds the binding against TensorFlow's wheel, unless that was done before. See `installNative`. */
export async function install({
  onProgress: report = stderrProgress(),
}: InstallNativeOptions): Promise<NativeInstall> {
  const reason = whyNoWheel();
  if (reason !== undefined) throw new Error(reason);
  const source = findTfjsNode('@tensorflow/tfjs-node');
  if (source === undefined) {
    throw new Error('the npm package @tensorflow/tfjs-node is not installed');
  }
  const known = await findBuild(source);
  if (known !== undefined) return known;
  const wait = (): void =>
    report({ phase: 'wait', message: 'waiting for another process that installs TensorFlow' });
  try {
    return await withLock(
      makeCacheFolder(),
      wait,
      async () => (await findBuild(source)) ?? (await build(source, report)),
    );
  } catch (error) {
    throw new Error(cacheMessage(error));
  }
}

/** The finished build, if there is one that works. */
export async function findBuild(source: TfjsNodePackage): Promise<NativeInstall | undefined> {
  const binding = findBinding(buildFolder(source.version));
  if (binding === undefined) return undefined;
  const found = await probe(binding).catch(() => undefined);
  return found && { binding, version: found.version };
}

/** Everything happens in a folder beside the final one, which is renamed into place at the end. Call under the lock. */
async function build(source: TfjsNodePackage, report: Report): Promise<NativeInstall> {
  const final = buildFolder(source.version);
  const working = `${final}.building`;
  await rm(working, { recursive: true, force: true });
  mkdirSync(working, { recursive: true });
  try {
    await checkSpace(working);
    // What would fail after the download is looked for before it.
    await findCompiler();
    nodeHeaders();
    const wheel = await fetchWheel(tensorflowWheel(), working, report);
    report({ phase: 'extract', message: 'unpacking the library and its headers' });
    await unpack(wheel, working);
    report({ phase: 'build', message: 'building the binding (about 15 s)' });
    const include = join(working, 'include');
    await buildBinding(source, working, include);
    await rm(include, { recursive: true });
    report({ phase: 'check', message: 'trying it out' });
    await tryOut(findBinding(working)!);
    await rm(final, { recursive: true, force: true });
    publish(working, final);
    await rm(join(cacheFolder(), 'downloads'), { recursive: true, force: true });
    const binding = findBinding(final)!;
    const { version } = await probe(binding);
    report({ phase: 'done', message: `native TensorFlow ${version} is ready` });
    return { binding, version };
  } finally {
    await rm(working, { recursive: true, force: true });
  }
}

async function checkSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= neededBytes) return;
  throw new Error(
    `${cacheFolder()} has ${(free / 1e9).toFixed(1)} GB free, expected ${neededBytes / 1e9}; set CFRL_CACHE to a folder with more`,
  );
}
