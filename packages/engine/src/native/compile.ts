import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

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
  const args = [
    ...['-std=c++17', '-DNAPI_VERSION=8', '-O2', '-fPIC', '-shared', '-w'],
    ...[`-I${nodeHeaders()}`, `-I${include}`, ...sources, '-o', binding],
    ...libraries.map((name) => join(folder, 'deps', 'lib', name)),
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ];
  await runCompiler(args);
  return binding;
}

async function runCompiler(args: readonly string[]): Promise<void> {
  const chosen = process.env['CXX'];
  const compilers = chosen === undefined || chosen === '' ? ['g++', 'c++', 'clang++'] : [chosen];
  for (const compiler of compilers) {
    const outcome = await run(compiler, args, { timeoutMs: 600_000 });
    if (outcome.failure === 'missing') continue;
    if (outcome.status === 0) return;
    throw new Error(`${compiler} could not compile the binding: ${errorLine(outcome)}`);
  }
  throw new Error(`no C++ compiler was found (${compilers.join(', ')}); install g++`);
}
