import * as tf from '@tensorflow/tfjs-core';

import type { Opened } from './types.js';

export async function openCpu(): Promise<Opened> {
  // tfjs-node brings the same kernels along; a second registration would only print warnings.
  if (tf.findBackendFactory('cpu') === null) await import('@tensorflow/tfjs-backend-cpu');
  if (!(await tf.setBackend('cpu'))) throw new Error('the JavaScript backend could not be started');
  // Without this the first tensor prints an advertisement for tfjs-node.
  (tf.backend() as unknown as { firstUse: boolean }).firstUse = false;
  return { version: tf.version_core, binding: null, route: 'package', threads: 1 };
}
