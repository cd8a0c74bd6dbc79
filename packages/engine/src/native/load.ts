import { createRequire } from 'node:module';
import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs-core';

import type { Binding } from '../compile/binding.js';
import { type LoadedGraph, setGraphLoader } from '../compile/graph.js';
import { type Messages, loadGraph } from '../compile/saved-model.js';
import { type Addon, loadAddon } from './addon.js';
import { replaceKernels } from './kernels.js';
import { setThreads } from './threads.js';
import type { TfjsNodePackage } from './packages.js';

type KernelBackendModule = {
  readonly NodeJSKernelBackend: new (binding: unknown, packageName: string) => tf.KernelBackend;
};

let loaded: string | undefined;

/**
 * Loads a native binding into this process and registers it as the backend 'tensorflow'. The package's own
 * entry is not used: it insists on a binding inside its folder.
 *
 * @throws Error if another binding is loaded already, or the package brings another tfjs-core along.
 */
export async function loadBinding(
  { name, folder }: TfjsNodePackage,
  binding: string,
  threads: number,
): Promise<void> {
  if (loaded !== undefined && loaded !== binding) {
    throw new Error(`this process has loaded another native binding already (${loaded})`);
  }
  if (loaded === undefined) {
    setThreads(threads);
    const require = createRequire(join(folder, 'package.json'));
    patchUtil(require('util') as Record<string, unknown>);
    checkOneCore(require, name);
    require('./dist/register_all_kernels.js');
    const { NodeJSKernelBackend } =
      require('./dist/nodejs_kernel_backend.js') as KernelBackendModule;
    const addon = loadAddon(binding);
    // More heaps than threads that compute would only hold more of what was freed.
    addon?.limitHeaps(threads);
    const native = quietly(addon, () => require(binding)) as Binding;
    addon?.giveBack();
    replaceKernels();
    const messages = require('./dist/proto/api_pb.js') as Messages;
    setGraphLoader((graph) => givingBack(addon, loadGraph(native, messages, graph)));
    tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(native, name), 3);
    loaded = binding;
  }
  if (!(await tf.setBackend('tensorflow'))) throw new Error('the binding could not be started');
}

/** The graph, whose first run compiles it: what that took is given back. */
function givingBack(addon: Addon | undefined, graph: LoadedGraph): LoadedGraph {
  let compiled = false;
  return {
    ...graph,
    run: (...args) => {
      const results = graph.run(...args);
      if (!compiled) addon?.giveBack();
      compiled = true;
      return results;
    },
  };
}

/** tfjs-node calls two helpers that Node.js 22 warns about and Node.js 23 dropped. */
function patchUtil(util: Record<string, unknown>): void {
  util['isArray'] = Array.isArray;
  util['isNullOrUndefined'] = (value: unknown): boolean => value === null || value === undefined;
}

/** Tensors of two tfjs-cores do not mix well. */
function checkOneCore(require: NodeJS.Require, name: string): void {
  const theirs = require('@tensorflow/tfjs') as typeof tf & { version_core: string };
  if (theirs.Tensor === tf.Tensor) return;
  throw new Error(
    `${name} uses another copy of @tensorflow/tfjs-core (${theirs.version_core}, here ${tf.version_core}); install both in one version`,
  );
}

// TensorFlow 2.21 announces oneDNN while the library is being loaded, before it reads TF_CPP_MIN_LOG_LEVEL.
const announcement = /All log messages before absl|oneDNN custom operations are on/;

/**
 * Loads a binding without TensorFlow's chatter; anything else that is written to standard error meanwhile is passed on.
 * Whoever sets `TF_CPP_MIN_LOG_LEVEL` sees all that they asked for.
 */
function quietly(addon: Addon | undefined, load: () => unknown): unknown {
  if (process.env['TF_CPP_MIN_LOG_LEVEL'] !== undefined) return load();
  process.env['TF_CPP_MIN_LOG_LEVEL'] = '2';
  addon?.hold();
  try {
    return load();
  } finally {
    const lines = (addon?.release() ?? '')
      .split('\n')
      .filter((line) => line !== '' && !announcement.test(line));
    if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
  }
}
