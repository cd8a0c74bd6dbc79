import { isNode } from './runtime.js';
import type { InstallNativeOptions, NativeInstall } from './types.js';

/**
 * Downloads TensorFlow's library and builds the native binding of `@tensorflow/tfjs-node` against it, in the
 * user's cache folder (`CFRL_CACHE` overrides it). {@link useBackend} does this by itself when it is needed.
 * A build that is there already is only checked. Needs Linux on x64 or arm64, Python 3 with pip 22.2 or newer, and a
 * C++ compiler.
 *
 * @returns Where the binding lies.
 * @throws Error with one line that says what is missing.
 *
 * @example
 * ```ts
 * import { installNative } from '@cfrl/engine';
 * typeof installNative; // => 'function'
 * ```
 */
export async function installNative(options: InstallNativeOptions = {}): Promise<NativeInstall> {
  if (!isNode()) throw new Error('installNative: native TensorFlow needs Node.js');
  const { install } = await import('../node.js');
  return install(options);
}
