import { openCpu } from './cpu.js';
import { isNode } from './runtime.js';
import type { BackendInfo, BackendName, Rejection, UseBackendOptions } from './types.js';
import { openWasm } from './wasm.js';

/** A backend that has been loaded and made current. */
export type Opened = Pick<BackendInfo, 'version' | 'binding' | 'route' | 'threads'>;

/** A backend that is not available: every way that was tried, and why it failed. */
export interface Unavailable {
  readonly rejected: readonly Rejection[];
}

/** Options of {@link openBackend}. */
export interface OpenOptions extends UseBackendOptions {
  /** Whether an installation that failed a short while ago is tried again. */
  readonly retry: boolean;
}

/** Loads a backend, and says why when it cannot. */
export async function openBackend(
  name: BackendName,
  options: OpenOptions,
): Promise<Opened | Unavailable> {
  try {
    if (name === 'wasm') return await openWasm();
    if (name === 'cpu') return await openCpu();
    if (!isNode()) return unavailable(name, 'native TensorFlow needs Node.js');
    const { openNative } = await import('../node.js');
    return await openNative(name, options);
  } catch (error) {
    return unavailable(name, error instanceof Error ? error.message : String(error));
  }
}

const unavailable = (name: string, reason: string): Unavailable => ({
  rejected: [{ name, reason: reason.split('\n', 1)[0]! }],
});
