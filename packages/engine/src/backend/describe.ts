import type { BackendInfo, BackendName, BackendRoute } from './types.js';

const kinds: Readonly<Record<BackendName, (version: string) => string>> = {
  'tensorflow-gpu': (version) => `TensorFlow ${version} (native, on an NVIDIA GPU)`,
  tensorflow: (version) => `TensorFlow ${version} (native)`,
  wasm: (version) => `WebAssembly (TensorFlow.js ${version})`,
  cpu: (version) => `plain JavaScript (TensorFlow.js ${version}), by far the slowest`,
};

const routes: Readonly<Record<BackendRoute, string>> = {
  installed: 'a binding that was installed in node_modules',
  wheel: "built on this machine against the library of TensorFlow's Python wheel",
  package: 'ships with its npm package',
};

/**
 * Says in plain words what {@link useBackend} chose, and why nothing better was available.
 *
 * @returns Lines of text, without a line break at the end.
 *
 * @example
 * ```ts
 * describeBackend(await useBackend('wasm')).split('\n')[0]; // => 'Backend   wasm: WebAssembly (TensorFlow.js 4.22.0)'
 * ```
 */
export function describeBackend(info: BackendInfo): string {
  const { name, version, binding, route, cpuFeatures, threads, rejected } = info;
  const lines = {
    Backend: `${name}: ${kinds[name](version)}`,
    From: routes[route],
    ...(binding !== null && { Binding: binding }),
    Threads: threads === 1 ? '1 per operation' : `up to ${threads} per operation`,
    Processor: cpuFeatures.join(' ') || 'features unknown',
  };
  const table = Object.entries(lines).map(([label, text]) => `${label.padEnd(10)}${text}`);
  if (rejected.length === 0) return table.join('\n');
  const reasons = rejected.flatMap(({ name: way, reason, mend }) => [
    `  ${way}: ${reason}`,
    ...(mend === undefined ? [] : [`    to mend it: ${mend}`]),
  ]);
  return [...table, 'Better ones that were not available:', ...reasons].join('\n');
}
