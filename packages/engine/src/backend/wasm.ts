import * as tf from '@tensorflow/tfjs-core';

import type { Opened } from './open.js';
import { registerMissingWasmKernels } from './wasm-kernels.js';

/** Loads the WebAssembly backend and makes it the current one. */
export async function openWasm(): Promise<Opened> {
  const { getThreadsCount } = await import('@tensorflow/tfjs-backend-wasm');
  if (!(await tf.setBackend('wasm')))
    throw new Error('the WebAssembly module could not be started');
  registerMissingWasmKernels();
  return { version: tf.version_core, binding: null, route: 'package', threads: getThreadsCount() };
}
