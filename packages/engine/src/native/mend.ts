import * as tf from '@tensorflow/tfjs-core';

import { fromHere, packageFolder } from './packages.js';
import { whyNoWheel } from './find-wheel.js';

/** The command that adds the npm package. Its own install script fetches an old library, and fails behind firewalls. */
export const addPackage = (): string =>
  `npm install --ignore-scripts @tensorflow/tfjs-node@${tf.version_core}`;

/** The command that makes the native binding, or makes it again: one that works where this program runs. */
export function makeBinding(): string {
  if (whyNoWheel() !== undefined) return 'npm rebuild @tensorflow/tfjs-node';
  // From the sources, in a clone.
  if (import.meta.url.endsWith('.ts')) return 'npm run cfrl -- backend';
  return packageFolder('@cfrl/recipes', fromHere()) === undefined
    ? `node --input-type=module -e "await (await import('@cfrl/engine')).installNative()"`
    : 'npx cfrl backend';
}
