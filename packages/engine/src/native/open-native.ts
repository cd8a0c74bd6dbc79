import { existsSync } from 'node:fs';

import { firstLine } from '../backend/runtime.js';
import type {
  BackendRoute,
  Opened,
  Rejection,
  Unavailable,
  UseBackendOptions,
} from '../backend/types.js';
import { findBinding } from '../files/cache-folder.js';
import { recentFailure, rememberingFailure } from './failure.js';
import { findBuild, install } from './install.js';
import { loadBinding } from './load.js';
import { addPackage, makeBinding } from './mend.js';
import { probe } from './probe.js';
import { threadCount } from './threads.js';
import { findTfjsNode, type TfjsNodePackage } from './packages.js';

/** Loads native TensorFlow and makes it the current backend, or says every way that was tried. */
export function openNative(
  name: 'tensorflow' | 'tensorflow-gpu',
  options: UseBackendOptions,
): Promise<Opened | Unavailable> {
  return name === 'tensorflow' ? openOnProcessor(options) : openOnGpu();
}

async function openOnGpu(): Promise<Opened | Unavailable> {
  const name = 'tensorflow-gpu';
  if (!hasNvidiaGpu()) return rejected(name, 'no NVIDIA GPU was found');
  const source = findTfjsNode('@tensorflow/tfjs-node-gpu');
  if (source === undefined) return rejected(name, '@tensorflow/tfjs-node-gpu is not installed');
  const binding = findBinding(source.folder);
  if (binding === undefined)
    return rejected(name, '@tensorflow/tfjs-node-gpu has no native binding');
  try {
    if ((await probe(binding)).gpu) return await load(source, binding, 'installed');
    return rejected(
      name,
      'TensorFlow finds no GPU that it can use (are its CUDA libraries there?)',
    );
  } catch (error) {
    return rejected(name, firstLine(error));
  }
}

/** An installed binding, else one that was built before, else one that is built now. */
async function openOnProcessor(options: UseBackendOptions): Promise<Opened | Unavailable> {
  const source = findTfjsNode('@tensorflow/tfjs-node');
  if (source === undefined) {
    const reason = 'the npm package @tensorflow/tfjs-node is not installed';
    return rejected('tensorflow', reason, addPackage());
  }
  const failures: Rejection[] = [];
  for (const [route, find] of [
    ['installed', installed],
    ['wheel', built],
  ] as const) {
    try {
      return await load(source, await find(source, options), route);
    } catch (error) {
      const mend = route === 'wheel' ? { mend: makeBinding() } : {};
      failures.push({ name: `tensorflow (${route})`, reason: firstLine(error), ...mend });
    }
  }
  return { rejected: failures };
}

function installed({ folder, name }: TfjsNodePackage): string {
  const binding = findBinding(folder);
  if (binding === undefined) throw new Error(`${name} has no native binding in its folder`);
  return binding;
}

/** The binding that was built before, else one that is built now. */
async function built(source: TfjsNodePackage, options: UseBackendOptions): Promise<string> {
  const known = await findBuild(source);
  if (known !== undefined) return known.binding;
  if (options.install === false) {
    throw new Error('it has not been built, and installing was not allowed');
  }
  const failed = options.retry ? undefined : recentFailure();
  if (failed !== undefined) throw new Error(failed);
  return rememberingFailure(() => install(options));
}

async function load(
  source: TfjsNodePackage,
  binding: string,
  route: BackendRoute,
): Promise<Opened> {
  const threads = threadCount();
  const { version } = await probe(binding);
  await loadBinding(source, binding, threads);
  return { version, binding, route, threads };
}

/** Drivers of NVIDIA's show themselves in the file system on Linux (the last is WSL's). */
const hasNvidiaGpu = (): boolean =>
  process.platform === 'win32' ||
  ['/proc/driver/nvidia/version', '/dev/nvidia0', '/dev/dxg'].some((file) => existsSync(file));

const rejected = (name: string, reason: string, mend?: string): Unavailable => ({
  rejected: [{ name, reason, ...(mend !== undefined && { mend }) }],
});
