import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * The one test configuration. Tests import packages by name and run from source, through the
 * `@cfrl/source` export condition, so nothing has to be built first.
 */
export const testConfig = ({ backend = true }: { readonly backend?: boolean } = {}) =>
  defineConfig({
    resolve: { conditions: ['@cfrl/source'] },
    ssr: { resolve: { conditions: ['@cfrl/source'], externalConditions: [] } },
    test: {
      include: ['test/**/*.test.ts'],
      setupFiles: [
        local('tools/testkit/src/setup.ts'),
        ...(backend ? [local('packages/engine/testing/setup-backend.ts')] : []),
      ],
      // Forks: a native addon must not be loaded twice into threads of one process.
      pool: 'forks',
      maxWorkers: 2,
      testTimeout: 120_000,
      hookTimeout: 120_000,
      reporters: ['default', ['json', { outputFile: '.vitest-results/results.json' }]],
    },
  });
