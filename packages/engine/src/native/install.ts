import { existsSync, mkdirSync } from 'node:fs';
import { rename, rm, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';

import type { InstallNativeOptions, NativeInstall } from '../backend/install-native.js';
import type { InstallEvent } from '../backend/types.js';
import {
  buildFolder,
  cacheFolder,
  findBinding,
  makeCacheFolder,
  tensorflowVersion,
} from './cache.js';
import { compile, findCompiler, libraries } from './compile.js';
import { digest, download } from './download.js';
import { extract } from './extract.js';
import { nodeHeaders } from './headers.js';
import { withLock } from './lock.js';
import { probe, tryOut } from './probe.js';
import { stderrProgress } from './progress.js';
import { findTfjsNode, type TfjsNodePackage } from './tfjs-node.js';
import { pipDownload, resolveWheel, type Wheel, whyNoWheel } from './wheel.js';

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
    throw plain(error);
  }
}

/** The finished build, if there is one that works. */
async function findBuild({ version }: TfjsNodePackage): Promise<NativeInstall | undefined> {
  const binding = findBinding(buildFolder(version));
  if (binding === undefined) return undefined;
  try {
    return { binding, version: (await probe(binding)).version };
  } catch {
    return undefined;
  }
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
    const wheel = await fetchWheel(working, report);
    report({ phase: 'extract', message: 'unpacking the library and its headers' });
    await unpack(wheel, working);
    report({ phase: 'compile', message: 'compiling the binding (about 15 s)' });
    const include = join(working, 'include');
    await compile(source, working, include);
    await rm(include, { recursive: true });
    report({ phase: 'check', message: 'trying it out' });
    await tryOut(findBinding(working)!);
    await rm(final, { recursive: true, force: true });
    await rename(working, final);
    await rm(join(cacheFolder(), 'downloads'), { recursive: true, force: true });
    const binding = findBinding(final)!;
    const { version } = await probe(binding);
    report({ phase: 'done', message: `native TensorFlow ${version} is ready` });
    return { binding, version };
  } finally {
    await rm(working, { recursive: true, force: true });
  }
}

/** The wheel on disk: fetched directly (it can be continued after a kill), else by pip. */
async function fetchWheel(working: string, report: Report): Promise<string> {
  const message = `downloading TensorFlow ${tensorflowVersion}`;
  report({ phase: 'resolve', message: `asking pip for TensorFlow ${tensorflowVersion}` });
  const wheel = await resolveWheel(working);
  const downloads = join(cacheFolder(), 'downloads');
  mkdirSync(downloads, { recursive: true });
  const file = join(downloads, `${wheel.sha256.slice(0, 16)}.whl`);
  if (existsSync(file) && (await digest(file)) === wheel.sha256) return file;
  if (!/^https?:/.test(wheel.url)) {
    // A local folder of wheels, say.
    report({ phase: 'download', message: `${message} through pip` });
    await byPip(wheel, working, file);
    return file;
  }
  try {
    await download(wheel.url, file, {
      sha256: wheel.sha256,
      onBytes: (bytes, totalBytes) =>
        report({
          phase: 'download',
          message,
          bytes,
          ...(totalBytes !== undefined && { totalBytes }),
        }),
      onVerify: () => report({ phase: 'verify', message: 'checking the download' }),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    report({ phase: 'download', message: `${message} through pip (${plain(error).message})` });
    await byPip(wheel, working, file);
  }
  return file;
}

async function byPip({ sha256 }: Wheel, working: string, file: string): Promise<void> {
  const downloaded = await pipDownload(working);
  if ((await digest(downloaded)) !== sha256) throw new Error('the download is damaged');
  await rename(downloaded, file);
}

/** Of 7,000 files the binding needs two libraries and a handful of C headers. */
async function unpack(wheel: string, folder: string): Promise<void> {
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

async function checkSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= neededBytes) return;
  throw new Error(
    `${cacheFolder()} has ${(free / 1e9).toFixed(1)} GB free, expected ${neededBytes / 1e9}; set CFRL_CACHE to a folder with more`,
  );
}

/** Errors of the file system in words. */
function plain(error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const where = cacheFolder();
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new Error(`no space is left in ${where}; set CFRL_CACHE to another folder`);
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOTDIR') {
    return new Error(`${where} cannot be written; set CFRL_CACHE to a folder that can`);
  }
  return new Error(String(message).split('\n', 1)[0]!);
}
