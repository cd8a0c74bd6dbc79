import { existsSync } from 'node:fs';

import { defineConfig } from 'tsup';

/** The one build of all packages: every file of `src` that is an entry, as ESM with types. */
export default defineConfig({
  entry: ['src/index.ts', 'src/node.ts', 'src/cli.ts'].filter((file) => existsSync(file)),
  format: ['esm'],
  target: 'node20',
  platform: 'neutral',
  external: [/^node:/],
  dts: { compilerOptions: { customConditions: [] } },
  clean: true,
  sourcemap: true,
  splitting: true,
  treeshake: true,
});
