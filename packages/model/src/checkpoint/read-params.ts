import type { Params } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import type { ModelConfig } from '../config.js';
import { paramShapes } from '../init.js';
import { type Numbers, allFinite } from '../numbers/format.js';
import { adaptNames, dropTied } from './adapt-names.js';
import { checkParams } from './check-model.js';
import type { StoredTensor } from './stored.js';

/** Starts the read, so that it goes on while the tensor before is looked at; its error waits. */
function ahead(tensor: StoredTensor | undefined): Promise<Numbers> | undefined {
  const numbers = tensor?.read();
  numbers?.catch(() => undefined);
  return numbers;
}

/**
 * The parameters of a configuration, read one after the other: beside the tensors there are the
 * numbers of two at most.
 *
 * @returns the parameters in the order of `paramShapes`; the caller owns them
 * @throws RangeError if names or shapes do not fit the configuration (one error lists all of them) or
 *   a number is not finite; no tensor exists then
 */
export async function readParams(
  config: ModelConfig,
  tensors: readonly StoredTensor[],
): Promise<Params> {
  const byName = await dropTied(config, adaptNames(config, tensors));
  checkParams('loadPretrained', config, byName);
  const names = Object.keys(paramShapes(config));
  const params: Record<string, tf.Tensor> = {};
  let next = ahead(byName.get(names[0]!));
  try {
    for (const [i, name] of names.entries()) {
      const numbers = await next!;
      next = ahead(byName.get(names[i + 1]!));
      if (!allFinite(numbers)) {
        throw new RangeError(
          `loadPretrained: '${name}' has NaN or infinite numbers, expected finite ones`,
        );
      }
      params[name] = tf.tensor(numbers, [...byName.get(name)!.shape], 'float32');
    }
  } catch (error) {
    tf.dispose(params);
    await next?.catch(() => undefined); // its file must not be closed under it
    throw error;
  }
  return params;
}
