import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Where the addon lies: beside the binding that it was built with. */
export const addonFile = (binding: string): string => join(dirname(binding), 'process.node');

/** What the addon (`native/addon.cc` of this package) does. */
export interface Addon {
  /** Keeps back what is written to standard error from now on. */
  hold(): void;
  /** Ends that, and says what was written. */
  release(): string;
  /** Has the C library use no more heaps than these, for all threads together. */
  limitHeaps(count: number): void;
  /** Gives freed memory back to the system, and pages of TensorFlow's code that are not in use. */
  giveBack(): void;
}

/** The addon of a binding; there is none beside one that tfjs-node's own install script made. */
export function loadAddon(binding: string): Addon | undefined {
  const file = addonFile(binding);
  return existsSync(file) ? (createRequire(import.meta.url)(file) as Addon) : undefined;
}
