import type { BackendInfo } from './types.js';

/**
 * The line that says that a slower backend than native TensorFlow is used, why, and which command mends that; `undefined` where
 * native TensorFlow was chosen.
 */
export function fallbackLine({ name, rejected }: BackendInfo): string | undefined {
  if (name.startsWith('tensorflow')) return undefined;
  const native = rejected.filter(({ name: way }) => /^tensorflow( |$)/.test(way)).at(-1);
  if (native === undefined) return undefined;
  const slow = name === 'wasm' ? 'WebAssembly' : 'plain JavaScript';
  const mend = native.mend === undefined ? '' : `; to mend it: ${native.mend}`;
  return `cfrl: on ${slow}, slower than native TensorFlow, which is missing: ${native.reason}${mend}`;
}
