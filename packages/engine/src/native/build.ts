import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { addonFile } from './addon.js';
import { packageFolder, type TfjsNodePackage } from './packages.js';
import { errorLine, run } from './run.js';

/** The libraries that the binding is linked against, by the names that TensorFlow's wheel gives them. */
export const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;

/**
 * Builds tfjs-node's own binding against the libraries in `folder/deps/lib` and the headers in `include`, and our addon
 * beside it.
 *
 * @returns The binding's file, `folder/lib/napi-v8/tfjs_binding.node`.
 * @throws Error with one line: no headers, no compiler, or the compiler's first error.
 */
export async function buildBinding(
  { folder: source }: TfjsNodePackage,
  folder: string,
  include: string,
): Promise<string> {
  const binding = join(folder, 'lib', 'napi-v8', 'tfjs_binding.node');
  mkdirSync(dirname(binding), { recursive: true });
  const sources = readdirSync(join(source, 'binding'))
    .filter((name) => name.endsWith('.cc'))
    .sort()
    .map((name) => join(source, 'binding', name));
  const compiler = await findCompiler();
  const common = [
    ...['-std=c++17', '-DNAPI_VERSION=8', '-O2', '-fPIC', '-shared', '-w'],
    ...[`-I${nodeHeaders()}`, `-I${include}`],
  ];
  const build = async (...args: readonly string[]): Promise<void> => {
    const outcome = await run(compiler, [...common, ...args], { timeoutMs: 600_000 });
    if (outcome.status === 0) return;
    throw new Error(`${compiler} could not compile the binding: ${errorLine(outcome)}`);
  };
  const linked = libraries.map((name) => join(folder, 'deps', 'lib', name));
  await build(...sources, '-o', binding, ...linked, '-Wl,-rpath,$ORIGIN/../../deps/lib');
  const addon = join(packageFolder('@cfrl/engine')!, 'native', 'addon.cc');
  await build(addon, '-o', addonFile(binding));
  return binding;
}

/**
 * Finds the C++ compiler: `CXX`, else the first of g++, c++ and clang++ that starts.
 *
 * @throws Error if there is none.
 */
export async function findCompiler(): Promise<string> {
  const chosen = process.env['CXX'];
  const compilers = chosen === undefined || chosen === '' ? ['g++', 'c++', 'clang++'] : [chosen];
  for (const compiler of compilers) {
    const { status } = await run(compiler, ['--version'], { timeoutMs: 30_000 });
    if (status === 0) return compiler;
  }
  throw new Error(`no C++ compiler was found (${compilers.join(', ')}); install g++`);
}

/**
 * Finds the folder of Node's C headers: the npm package `node-api-headers`, else those that were installed with Node.js.
 *
 * @throws Error if there are none.
 */
export function nodeHeaders(): string {
  const candidates = [
    join(packageFolder('node-api-headers') ?? '/usr', 'include'),
    join(dirname(dirname(process.execPath)), 'include', 'node'),
    '/usr/include/node',
    '/usr/include/nodejs/src',
    '/usr/local/include/node',
  ];
  const found = candidates.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found !== undefined) return found;
  throw new Error('node_api.h was not found; install the npm package node-api-headers');
}
