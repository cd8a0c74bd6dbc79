import { isNode } from './runtime.js';
import type { InstallEvent } from './types.js';

/** Options of {@link installNative}. */
export interface InstallNativeOptions {
  /** Receives the progress; without it a compact line goes to standard error. */
  readonly onProgress?: (event: InstallEvent) => void;
}

/** A native TensorFlow that was built (or found built) in the user's cache. */
export interface NativeInstall {
  /** File of the binding. */
  readonly binding: string;
  /** TensorFlow's version. */
  readonly version: string;
}

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
