import { existsSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { filesUnder } from './covering.js';
import { described, summary } from './report.js';
import { sampleOf } from './sample.js';
import { type Candidate, candidatesOf, survey } from './survey.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const USAGE = `npm run mutation -- [options]

  --packages rl,ntk,recipes  whose sources are changed (of recipes: probes, contexts and attribution)
  --files a.ts,b.ts          these files instead, as paths from the root
  --sample 50                how many changes are tried, chosen by the seed; 0 for all
  --seed 1                   another seed, other changes
  --reach 0                  tests of what imports the file are run too, so many imports away
  --json FILE                where every verdict is written`;

/** Of recipes, which is mostly orchestration, what computes. */
const PARTS: Readonly<Record<string, RegExp>> = {
  recipes: /(probe|contexts|attribution|entropy-change)[^/]*\.ts$/,
};

const fail = (message: string): never => {
  console.error(`mutation: ${message}\n\n${USAGE}`);
  return process.exit(1);
};

const wholeNumber = (name: string, text: string): number =>
  /^\d+$/.test(text) ? Number(text) : fail(`--${name} is '${text}', expected a whole number`);

const listed = (text: string): string[] => text.split(',').filter((part) => part !== '');

function candidates(packages: string, files: string | undefined): Candidate[] {
  if (files !== undefined) {
    return listed(files).flatMap((name) => {
      const path = resolve(ROOT, name);
      const [, root] = /^(.*\/packages\/[^/]+)\/src\/.*\.ts$/.exec(path) ?? [];
      if (root === undefined || !existsSync(path)) {
        return fail(`--files has '${name}', expected paths such as packages/rl/src/losses/kl.ts`);
      }
      return candidatesOf(root, [path]);
    });
  }
  return listed(packages).flatMap((name) => {
    const root = join(ROOT, 'packages', name);
    if (!existsSync(join(root, 'vitest.config.ts'))) {
      return fail(`--packages has '${name}', expected names of folders in packages`);
    }
    const sources = filesUnder(join(root, 'src'), '.ts');
    return candidatesOf(
      root,
      sources.filter((file) => PARTS[name]?.test(file) ?? true),
    );
  });
}

function options() {
  try {
    return parseArgs({
      options: {
        packages: { type: 'string', default: 'rl,ntk,recipes' },
        files: { type: 'string' },
        sample: { type: 'string', default: '50' },
        seed: { type: 'string', default: '1' },
        reach: { type: 'string', default: '0' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return fail((error as Error).message);
  }
}

const { packages, files, sample, seed, reach, json, help } = options();
if (help) {
  console.log(USAGE);
  process.exit(0);
}
const all = candidates(packages, files);
const size = wholeNumber('sample', sample) || all.length;
const nameOf = (file: string): string => relative(ROOT, file);
const chosen = sampleOf(all, size, wholeNumber('seed', seed), ({ file, start, end, text }) =>
  [nameOf(file), start, end, text].join(' '),
);
console.error(`${chosen.length} of ${all.length} mutants`);
const started = performance.now();
let tried = 0;
const verdicts = await survey(chosen, wholeNumber('reach', reach), (verdict) => {
  tried++;
  const seconds = ((performance.now() - started) / 1000 / tried) * (chosen.length - tried);
  const left = seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
  console.error(
    `[${tried}/${chosen.length}, ${left} left] ${verdict.outcome.padEnd(9)} ` +
      `${nameOf(verdict.file)}:${verdict.line}  ${described(verdict, 30)}`,
  );
});
console.log(summary(verdicts, nameOf));
if (json !== undefined) {
  const rows = verdicts.map(({ root: _, file, ...rest }) => ({ file: nameOf(file), ...rest }));
  writeFileSync(json, `${JSON.stringify({ seed: Number(seed), mutants: rows }, null, 2)}\n`);
}
