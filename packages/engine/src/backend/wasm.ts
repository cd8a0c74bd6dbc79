import * as tf from '@tensorflow/tfjs-core';

import type { Opened } from './types.js';
import { isNode } from './runtime.js';
import { registerMissingWasmKernels, replaceSlowWasmKernels } from './wasm-kernels.js';

export async function openWasm(): Promise<Opened> {
  const { getThreadsCount } = await withoutHandlers(() => import('@tensorflow/tfjs-backend-wasm'));
  if (!(await withoutHandlers(() => tf.setBackend('wasm')))) {
    throw new Error('the WebAssembly module could not be started');
  }
  registerMissingWasmKernels();
  replaceSlowWasmKernels();
  return { version: tf.version_core, binding: null, route: 'package', threads: getThreadsCount() };
}

const events = ['uncaughtException', 'unhandledRejection'] as const;

/** Emscripten's loader hooks into Node's error handling, only to throw the error again from its own line: unhook it. */
async function withoutHandlers<T>(load: () => Promise<T>): Promise<T> {
  if (!isNode()) return load();
  const before = events.map((event) => new Set(process.rawListeners(event)));
  try {
    return await load();
  } finally {
    events.forEach((event, i) => {
      for (const listener of process.rawListeners(event)) {
        if (!before[i]!.has(listener)) process.removeListener(event, listener as () => void);
      }
    });
  }
}
