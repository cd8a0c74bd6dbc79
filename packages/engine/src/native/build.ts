import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { addonFile, addonSource } from './addon.js';
import { nodeHeaders } from './headers.js';
import { errorLine, run } from './run.js';
import type { TfjsNodePackage } from './tfjs-node.js';

/** The libraries that the binding is linked against, by the names that TensorFlow's wheel gives them. */
export const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;

/**
 * Compiles tfjs-node's own binding against the libraries in `folder/deps/lib` and the headers in `include`.
 *
 * @returns The binding's file, `folder/lib/napi-v8/tfjs_binding.node`.
 * @throws Error with one line: no headers, no compiler, or the compiler's first error.
 */
export async function compile(
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
  const headers = [`-I${nodeHeaders()}`, `-I${include}`];
  await runCompiler(compiler, [
    ...[...common, ...headers, ...sources, '-o', binding],
    ...libraries.map((name) => join(folder, 'deps', 'lib', name)),
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ]);
  const addon = join(include, 'process.cc');
  writeFileSync(addon, addonSource);
  await runCompiler(compiler, [...common, ...headers, addon, '-o', addonFile(binding)]);
  return binding;
}

const common = ['-std=c++17', '-DNAPI_VERSION=8', '-O2', '-fPIC', '-shared', '-w'];

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

async function runCompiler(compiler: string, args: readonly string[]): Promise<void> {
  const outcome = await run(compiler, args, { timeoutMs: 600_000 });
  if (outcome.status === 0) return;
  throw new Error(`${compiler} could not compile the binding: ${errorLine(outcome)}`);
}
