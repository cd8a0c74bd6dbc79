import * as tf from '@tensorflow/tfjs-core';

import { openCpu } from './cpu.js';
import { fallbackLine } from './fallback.js';
import { environment, firstLine, isLogged, isNode } from './runtime.js';
import {
  type BackendInfo,
  type BackendName,
  backendNames,
  type Opened,
  type Rejection,
  type Unavailable,
  type UseBackendOptions,
} from './types.js';
import { openWasm } from './wasm.js';

// One answer per question, and one question at a time: the current backend is a global of TensorFlow.js.
const answers = new Map<string, BackendInfo>();
let queue: Promise<unknown> = Promise.resolve();

/**
 * Chooses the backend of TensorFlow.js, loads it and makes it current: native TensorFlow on a GPU, native
 * TensorFlow on the processor, WebAssembly, plain JavaScript, in this order. Everything computes the same on every
 * backend; only speed differs. In Node.js a missing native TensorFlow is downloaded and built once per user
 * (see {@link installNative}); a browser gets WebAssembly. Where something slower than native TensorFlow is chosen, one line on
 * standard error says why, and which command mends it.
 *
 * The answer is remembered: a second call returns it without doing the work again, calls that overlap share
 * it, and a call with another name switches.
 *
 * @param name - Forces one backend; else the environment variable `CFRL_BACKEND` does, else the best is taken.
 * @returns What was chosen, and why nothing better was.
 * @throws RangeError if no backend has this name, or `CFRL_THREADS` is no positive integer.
 * @throws Error if the backend that was asked for is not available; the message says what was tried.
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const { name } = await useBackend('cpu');
 * name; // => 'cpu'
 * tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0]; // => 6
 * ```
 */
export function useBackend(
  name?: BackendName,
  options: UseBackendOptions = {},
): Promise<BackendInfo> {
  const result = queue.then(() => {
    checkThreads();
    return answer(requested(name), options);
  });
  queue = result.catch(() => undefined);
  return result;
}

function requested(name: string | undefined): BackendName | undefined {
  const asked = name ?? environment('CFRL_BACKEND');
  if (asked === undefined) return undefined;
  const known = backendNames.find((candidate) => candidate === asked);
  if (known !== undefined) return known;
  const source = name === undefined ? 'CFRL_BACKEND' : 'name';
  throw new RangeError(
    `useBackend: ${source} is '${asked}', expected one of ${backendNames.join(', ')}`,
  );
}

function checkThreads(): void {
  const threads = environment('CFRL_THREADS');
  if (threads === undefined || /^[1-9]\d{0,3}$/.test(threads)) return;
  throw new RangeError(
    `useBackend: CFRL_THREADS is '${threads}', expected a positive integer (threads per operation)`,
  );
}

async function answer(
  name: BackendName | undefined,
  options: UseBackendOptions,
): Promise<BackendInfo> {
  const question = name ?? `best, install ${options.install ?? true}`;
  const known = answers.get(question);
  // `tfjs-core` alone has no gradients in Node.js; `tfjs-layers` registers them when it is loaded.
  await import('@tensorflow/tfjs-layers');
  const info = known ?? (await choose(name, options));
  answers.set(question, info);
  await tf.setBackend(tfjsName(info.name));
  if (name === undefined && options.quiet !== true) sayFallback(info);
  return info;
}

let said = false;

/** One line a process; a browser has nothing better than WebAssembly. */
function sayFallback(info: BackendInfo): void {
  const line = fallbackLine(info);
  if (said || line === undefined || !isNode() || isLogged('quiet')) return;
  said = true;
  process.stderr.write(`${line}\n`);
}

async function choose(
  name: BackendName | undefined,
  options: UseBackendOptions,
): Promise<BackendInfo> {
  const rejected: Rejection[] = [];
  for (const candidate of name === undefined ? backendNames : [name]) {
    const opened = await open(candidate, { retry: name !== undefined, ...options });
    if ('rejected' in opened) {
      rejected.push(...opened.rejected);
      continue;
    }
    const cpuFeatures = isNode() ? (await import('../node.js')).cpuFeatures() : [];
    return Object.freeze({ name: candidate, ...opened, cpuFeatures, rejected });
  }
  throw new Error(unavailableMessage(name, rejected));
}

/** Loads a backend and makes it current, or says why that is not possible. */
async function open(name: BackendName, options: UseBackendOptions): Promise<Opened | Unavailable> {
  try {
    if (name === 'wasm') return await openWasm();
    if (name === 'cpu') return await openCpu();
    if (!isNode()) throw new Error('native TensorFlow needs Node.js');
    return await (await import('../node.js')).openNative(name, options);
  } catch (error) {
    return { rejected: [{ name, reason: firstLine(error) }] };
  }
}

function unavailableMessage(name: BackendName | undefined, rejected: readonly Rejection[]): string {
  const tried = rejected.map(({ name: way, reason }) => `${way}: ${reason}`).join('; ');
  if (name === undefined) return `useBackend: no backend is available (${tried})`;
  return `useBackend: '${name}' is not available (${tried}); mend that, or ask for no backend to get the best that is there`;
}

/** TensorFlow.js calls both native backends 'tensorflow'. */
const tfjsName = (name: BackendName): string => (name === 'tensorflow-gpu' ? 'tensorflow' : name);
