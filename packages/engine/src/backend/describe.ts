import type { BackendInfo } from './types.js';

/**
 * Says in plain words what {@link useBackend} chose, and why nothing better was available.
 *
 * @param info - What `useBackend` returned.
 * @returns Lines of text, without a line break at the end.
 *
 * @example
 * ```ts
 * describeBackend(await useBackend('cpu')).split('\n')[0]; // => 'cpu: plain JavaScript (TensorFlow.js 4.22.0)'
 * ```
 */
export function describeBackend(info: BackendInfo): string {
  return `${info.name}: ${info.version}`;
}
