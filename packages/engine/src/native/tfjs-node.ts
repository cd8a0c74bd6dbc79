import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

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
  for (const from of [import.meta.url, join(process.cwd(), 'from-here.js')]) {
    try {
      const file = createRequire(from).resolve(`${name}/package.json`);
      const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
      return { name, folder: dirname(file), version };
    } catch {
      // Not visible from here.
    }
  }
  return undefined;
}
