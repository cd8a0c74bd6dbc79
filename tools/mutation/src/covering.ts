import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** All files under a folder whose names end so. */
export function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !/(^|\/)(node_modules|\.examples)\//.test(name))
    .map((name) => join(folder, name))
    .sort();
}

const exportsOf = (source: string): string[] =>
  [...source.matchAll(/^export (?:async )?(?:function\*?|const|class) (\w+)/gm)].map(
    ([, name]) => name!,
  );

const importsOf = (file: string, source: string): string[] =>
  [...source.matchAll(/from '(\.[^']*)\.js'/g)].map(([, path]) =>
    resolve(dirname(file), `${path}.ts`),
  );

/**
 * The test files of a package that can notice a change of one of its source files: those that name an export of it,
 * or of a file that imports it, and so on. The ones most likely to notice come first.
 *
 * @param root - the package's folder, with `src` and `test`
 * @param file - a file in `src`
 * @param reach - how many imports may lie between; where no test is as near, the nearest are taken
 * @returns paths; a file of the same name first, then by how few imports lie between
 */
export function coveringTests(root: string, file: string, reach = 0): string[] {
  const sources = filesUnder(join(root, 'src'), '.ts').map((path) => {
    const text = readFileSync(path, 'utf8');
    return { path, names: exportsOf(text), imports: importsOf(path, text) };
  });
  // How many imports lie between a file and the changed one. Indices export on and use nothing.
  const distance = new Map([[file, 0]]);
  for (const reached of distance.keys()) {
    for (const { path, imports } of sources) {
      if (imports.includes(reached) && !distance.has(path) && basename(path) !== 'index.ts') {
        distance.set(path, distance.get(reached)! + 1);
      }
    }
  }
  const own = basename(file, '.ts');
  const tests = filesUnder(join(root, 'test'), '.test.ts')
    .map((path) => {
      const words = new Set(readFileSync(path, 'utf8').match(/\w+/g));
      const near = sources
        .filter(({ names }) => names.some((name) => words.has(name)))
        .map((source) => distance.get(source.path) ?? Infinity);
      return { path, near: basename(path) === `${own}.test.ts` ? -1 : Math.min(Infinity, ...near) };
    })
    .filter(({ near }) => near < Infinity)
    .sort((a, b) => a.near - b.near || (a.path < b.path ? -1 : 1));
  const limit = Math.max(reach, tests[0]?.near ?? 0);
  return tests.filter(({ near }) => near <= limit).map(({ path }) => path);
}
