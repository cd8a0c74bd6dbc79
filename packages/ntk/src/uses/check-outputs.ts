import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor } from '../check.js';
import { runsOf } from '../runs.js';
import type { Examples } from './examples.js';

/** Runs `apply` on every example, some at a time (one at a time for `size` 1), refuses shapes but `[n, O]`, and returns `O`. */
export function checkOutputs(where: string, examples: Examples, params: Params, size = 1): number {
  return tf.tidy(() => {
    let O = 0;
    const outputs = runsOf(0, examples.count, size).map(([from, to]) => {
      const rows = examples.apply(params, examples.inputs(from, to), { from, to, copies: 1 });
      const { shape } = rows;
      O = from === 0 ? (shape[1] ?? 0) : O;
      if (shape.length !== 2 || shape[0] !== to - from || shape[1] !== O || O < 1) {
        const given = size === 1 ? '[example]' : `${to - from} examples`;
        throw new RangeError(
          `${where}: apply(params, ${given}) has shape [${shape.join(', ')}], expected ` +
            `[${to - from}, ${O || 'outputs'}]`,
        );
      }
      return rows;
    });
    checkFiniteTensor(`${where}: apply(params, examples)`, tf.concat(outputs, 0));
    return O;
  });
}
