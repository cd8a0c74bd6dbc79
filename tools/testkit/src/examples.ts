import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import * as ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { expectClose } from './close.js';

/** A piece of documentation that runs. */
interface Example {
  readonly title: string;
  readonly code: string;
  /** What it should print, if the documentation says so. */
  readonly output?: string;
}

/** Every `@example` fence of a source file, titled by the symbol that it documents. */
function fromSource(file: string): Example[] {
  const text = readFileSync(file, 'utf8');
  const docblock =
    /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*export (?:async )?(?:abstract )?(?:function\*?|const|class|interface|type)\s+(\w+)/g;
  return [...text.matchAll(docblock)].flatMap(([, comment, name]) => {
    const body = comment!.replace(/^[ \t]*\* ?/gm, '');
    const fences = [...body.matchAll(/@example[^]*?```ts\n([^]*?)```/g)];
    return fences.map(([, code]) => ({ title: name!, code: code! }));
  });
}

/** Every `ts` fence of a page, with the `text` fence that follows it as its output. */
function fromPage(file: string): Example[] {
  const text = readFileSync(file, 'utf8');
  const fences = [
    ...text.matchAll(/```ts\n([^]*?)```(?:\s*(?:[^`\n][^`]*)?```text\n([^]*?)```)?/g),
  ];
  return fences.map(([, code, output], i) => ({
    title: `${basename(file)} ${i + 1}`,
    code: code!,
    ...(output === undefined ? {} : { output }),
  }));
}

/** Puts `__check(expression, expected)` where a statement ends in `// => expected`. */
function instrument(code: string): string {
  const file = ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest, true);
  const edits: { at: number; text: string }[] = [];
  for (const statement of file.statements) {
    const expected = /^[ \t]*\n?[ \t]*\/\/ => (.*)/.exec(code.slice(statement.end))?.[1];
    if (expected === undefined) continue;
    if (ts.isExpressionStatement(statement)) {
      const { expression } = statement;
      edits.push({ at: expression.getStart(), text: '__check(' });
      edits.push({ at: expression.end, text: `, (${expected}))` });
    } else if (ts.isVariableStatement(statement)) {
      const name = statement.declarationList.declarations[0]!.name.getText();
      edits.push({ at: statement.end, text: ` __check(${name}, (${expected}));` });
    } else {
      throw new Error(
        `an example states a value for what is no expression: ${statement.getText()}`,
      );
    }
  }
  return edits
    .sort((a, b) => b.at - a.at)
    .reduce((text, { at, text: inserted }) => text.slice(0, at) + inserted + text.slice(at), code);
}

/** A module that runs the example, with the package's exports in scope. */
function toModule(code: string, packageName: string, names: readonly string[]): string {
  const imports = [...code.matchAll(/^import [^]*?from '[^']+';[ \t]*$/gm)].map(([text]) => text);
  const body = imports.reduce((rest, text) => rest.replace(text, ''), code);
  const clauses = imports.map((text) => text.slice(0, text.lastIndexOf(' from ')));
  const declared = new Set([
    ...clauses.flatMap((clause) => clause.match(/\w+/g) ?? []),
    ...[...body.matchAll(/(?:const|let|function\*?|class)\s+(\w+)/g)].map(([, name]) => name!),
  ]);
  const used = names.filter(
    (name) => new RegExp(`\\b${name}\\b`).test(body) && !declared.has(name),
  );
  return [
    ...imports,
    ...(used.length > 0 ? [`import { ${used.join(', ')} } from '${packageName}';`] : []),
    'export default async (__check: (actual: unknown, expected: unknown) => void): Promise<void> => {',
    instrument(body),
    '};',
  ].join('\n');
}

const plain = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if ('arraySync' in value && typeof value.arraySync === 'function') return value.arraySync();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
};

/** Equal, with numbers equal within 1e-4 of their size. */
function checkEqual(actual: unknown, expected: unknown): void {
  const a = plain(actual);
  if (typeof a === 'number' && typeof expected === 'number') {
    expectClose(a, expected, { atol: 1e-6, rtol: 1e-4 });
  } else if (
    typeof a === 'object' &&
    a !== null &&
    typeof expected === 'object' &&
    expected !== null
  ) {
    expect(Object.keys(a)).toEqual(Object.keys(expected));
    for (const key of Object.keys(expected)) {
      checkEqual(a[key as keyof typeof a], expected[key as keyof typeof expected]);
    }
  } else {
    expect(a).toEqual(expected);
  }
}

const sources = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });

/** Scope for tensors that examples leave behind. */
export interface ExampleScope {
  readonly start: () => void;
  readonly end: () => void;
}

/**
 * Every `@example` of a package as the source of a module, whose default export takes `check(actual, expected)`.
 *
 * @param packageUrl - the package's folder
 * @param names - what the package exports
 */
export function exampleModules(
  packageUrl: URL,
  names: readonly string[],
): { readonly name: string; readonly source: string }[] {
  const root = fileURLToPath(packageUrl);
  const { name: packageName } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string;
  };
  return sources(join(root, 'src'))
    .flatMap(fromSource)
    .map(({ title, code }) => ({ name: title, source: toModule(code, packageName, names) }));
}

/**
 * Makes one test of every example in a package's documentation: the `@example`s of `src`, and the
 * `ts` fences of its README. Also fails for every exported function without one.
 *
 * @param packageUrl - the package's folder
 * @param exported - the package's namespace, `import * as exported from '@cfrl/x'`
 * @param scope - called before and after each example, to free its tensors
 * @param pages - further pages whose `ts` fences run
 */
export function testExamples(
  packageUrl: URL,
  exported: Readonly<Record<string, unknown>>,
  scope: ExampleScope = { start: () => undefined, end: () => undefined },
  pages: readonly URL[] = [],
): void {
  const root = fileURLToPath(packageUrl);
  const { name: packageName } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string;
  };
  const work = join(root, 'test', '.examples');
  const files = sources(join(root, 'src'));
  const page = join(root, 'README.md');
  // Where examples find the system's folder for temporary files; what they leave there goes with it.
  const temporary = join(work, 'tmp');
  mkdirSync(temporary, { recursive: true });
  beforeAll(() => void vi.stubEnv('TMPDIR', temporary));
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(work, { recursive: true, force: true });
  });

  const documented = new Set<string>();
  const runAll = (examples: readonly Example[]): void => {
    for (const { title, code, output } of examples) {
      documented.add(title);
      it(title, async () => {
        const file = join(
          work,
          `${title.replaceAll(/\W/g, '-')}-${documented.size}-${code.length}.ts`,
        );
        writeFileSync(file, toModule(code, packageName, Object.keys(exported)));
        const printed: string[] = [];
        const log = vi.spyOn(console, 'log').mockImplementation((...args: unknown[]) => {
          printed.push(args.join(' '));
        });
        scope.start();
        try {
          const { default: example } = (await import(pathToFileURL(file).href)) as {
            default: (check: typeof checkEqual) => Promise<void>;
          };
          await example(checkEqual);
        } finally {
          scope.end();
          log.mockRestore();
        }
        if (output !== undefined) expect(printed.join('\n').trim()).toBe(output.trim());
      });
    }
  };

  for (const file of files) {
    const examples = fromSource(file);
    if (examples.length > 0)
      describe(`examples of ${relative(root, file)}`, () => runAll(examples));
  }
  for (const file of [page, ...pages.map((url) => fileURLToPath(url))]) {
    const examples = existsSync(file) ? fromPage(file) : [];
    if (examples.length > 0)
      describe(`examples of ${relative(root, file)}`, () => runAll(examples));
  }
  describe('documentation', () => {
    it('has an example for every exported function', () => {
      const functions = Object.keys(exported).filter((key) => typeof exported[key] === 'function');
      expect(functions.filter((name) => !documented.has(name))).toEqual([]);
    });
  });
}
