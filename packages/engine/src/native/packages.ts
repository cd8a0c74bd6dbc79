import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Folder of an npm package as a file sees it, this package's own if none is named; `undefined` if it sees none. */
export function packageFolder(name: string, from = import.meta.url): string | undefined {
  try {
    return dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** A file in the working folder, to look for packages from. */
export const fromHere = (): string => join(process.cwd(), 'from-here.js');

/** An npm package that binds TensorFlow, as it lies in some `node_modules`. */
export interface TfjsNodePackage {
  readonly name: string;
  readonly folder: string;
  readonly version: string;
}

/** Finds `@tensorflow/tfjs-node` or `-gpu`: as this package sees it, else as the working folder does. */
export function findTfjsNode(
  name: '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu',
): TfjsNodePackage | undefined {
  const folder = packageFolder(name) ?? packageFolder(name, fromHere());
  if (folder === undefined) return undefined;
  const manifest = readFileSync(join(folder, 'package.json'), 'utf8');
  return { name, folder, version: (JSON.parse(manifest) as { version: string }).version };
}
