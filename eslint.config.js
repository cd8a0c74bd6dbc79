import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

const only = (sourceTag, ...allowed) => ({ sourceTag, onlyDependOnLibsWithTags: allowed });

export default tseslint.config(
  { ignores: ['**/dist/**', '**/.nx/**', '**/node_modules/**', '**/.examples/**', 'runs/**'] },
  ...tseslint.configs.recommended,
  {
    plugins: { '@nx': nx },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      'no-restricted-properties': [
        'error',
        {
          object: 'Math',
          property: 'random',
          message: 'Randomness comes from rng(fold(seed, ...)).',
        },
      ],
    },
  },
  {
    // The star: leaves import the engine and nothing else of ours; recipes alone imports leaves.
    files: ['packages/**/*.ts', 'tools/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allowCircularSelfDependency: true,
          allow: ['^.*/vitest\\.shared(\\.js)?$'],
          depConstraints: [
            only('engine', 'tool'),
            only('leaf', 'engine', 'tool'),
            only('free', 'tool'),
            only('app', 'engine', 'leaf', 'free', 'tool'),
            only('tool', 'engine', 'leaf', 'free', 'app', 'tool'),
          ],
        },
      ],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/recipes/src/cli/**', 'packages/recipes/src/cli.ts'],
    rules: { 'no-console': 'error' },
  },
);
