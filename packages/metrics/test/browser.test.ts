import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { exampleModules } from '@cfrl/testkit';
import * as metrics from '@cfrl/metrics';
import { transform } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * The built package in headless Chromium. The binary comes with an npm package, for Linux on x64; elsewhere
 * `CFRL_CHROMIUM` names one, and without it there is nothing to test in.
 */
const carried = process.platform === 'linux' && process.arch === 'x64';
const own = process.env['CFRL_CHROMIUM'];

const root = fileURLToPath(new URL('..', import.meta.url));
const examples = exampleModules(new URL('..', import.meta.url), Object.keys(metrics));
const functions = Object.keys(metrics).filter(
  (name) => typeof metrics[name as keyof typeof metrics] === 'function',
);

/** Runs in Node.js and in the page: every value that the examples look at. */
const runner = `
const plain = (value) => ArrayBuffer.isView(value) ? Array.from(value) : value;
export default async function run(names, load) {
  const seen = {};
  for (const [i, name] of names.entries()) {
    const values = (seen[name] = []);
    try {
      await (await load(i)).default((actual) => values.push(plain(actual)));
    } catch (error) {
      values.push(String(error));
    }
  }
  return JSON.stringify(seen, (_, value) => ArrayBuffer.isView(value) ? Array.from(value) : value === Infinity ? 'Infinity' : value);
}`;

async function launch(): Promise<Browser> {
  if (own !== undefined) return chromium.launch({ executablePath: own });
  // The package brings shared libraries along for one platform that lacks them; so may the machine at hand.
  process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs20.x';
  const { default: binary } = await import('@sparticuz/chromium');
  return chromium.launch({ executablePath: await binary.executablePath(), args: binary.args });
}

describe.runIf(carried || own !== undefined)('in Chromium, the built package', () => {
  const work = mkdtempSync(join(tmpdir(), 'cfrl metrics '));
  const names = examples.map(({ name }) => name);
  let browser: Browser;
  let here: Record<string, unknown[]>;
  let there: Record<string, unknown[]>;

  beforeAll(async () => {
    // As `npm run build` does, but for the types.
    const tsup = join(
      dirname(createRequire(join(root, '../../package.json')).resolve('tsup')),
      'cli-default.js',
    );
    const built = spawnSync(
      process.execPath,
      [tsup, '--config', '../../tsup.config.ts', '--no-dts', '--out-dir', join(work, 'dist')],
      { cwd: root, encoding: 'utf8' },
    );
    expect(built.status, built.stderr).toBe(0);
    mkdirSync(join(work, 'node_modules/@cfrl'), { recursive: true });
    mkdirSync(join(work, 'node_modules/@cfrl/metrics'));
    writeFileSync(
      join(work, 'node_modules/@cfrl/metrics/package.json'),
      '{ "type": "module", "exports": "./index.js" }',
    );
    const index = readFileSync(join(work, 'dist/index.js'), 'utf8');
    writeFileSync(join(work, 'node_modules/@cfrl/metrics/index.js'), index);
    writeFileSync(join(work, 'runner.mjs'), runner);
    for (const [i, { source }] of examples.entries()) {
      writeFileSync(join(work, `${i}.mjs`), (await transform(source, { loader: 'ts' })).code);
    }
    writeFileSync(
      join(work, 'node.mjs'),
      `import run from './runner.mjs';
      process.stdout.write(await run(${JSON.stringify(names)}, (i) => import('./' + i + '.mjs')));`,
    );
    const node = spawnSync(process.execPath, [join(work, 'node.mjs')], { encoding: 'utf8' });
    expect(node.stderr).toBe('');
    here = JSON.parse(node.stdout) as typeof here;

    browser = await launch();
    const page = await browser.newPage();
    await page.route('http://cfrl.test/**', (route) => {
      const path = new URL(route.request().url()).pathname;
      return path === '/'
        ? route.fulfill({
            contentType: 'text/html',
            body: '<script type="importmap">{"imports":{"@cfrl/metrics":"/node_modules/@cfrl/metrics/index.js"}}</script>',
          })
        : route.fulfill({
            contentType: 'text/javascript',
            body: readFileSync(join(work, path), 'utf8'),
          });
    });
    await page.goto('http://cfrl.test/');
    const script = `import('/runner.mjs').then(({ default: run }) =>
      run(${JSON.stringify(names)}, (i) => import('/' + i + '.mjs')))`;
    there = JSON.parse(await page.evaluate<string>(script)) as typeof there;
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(work, { recursive: true, force: true });
  });

  it.each(functions)('%s gives what it gives in Node.js', (name) => {
    expect(here[name]).toBeDefined();
    expect(here[name]!.length).toBeGreaterThan(0);
    equal(there[name], here[name]);
  });
});

/** Equal, with numbers equal to the last few digits: the two have other versions of `Math`. */
function equal(a: unknown, b: unknown): void {
  if (typeof a === 'number' && typeof b === 'number') {
    expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-12 * Math.max(1e-3, Math.abs(b)));
  } else if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) {
    expect(Object.keys(a)).toEqual(Object.keys(b));
    for (const key of Object.keys(b)) equal(a[key as keyof typeof a], b[key as keyof typeof b]);
  } else {
    expect(a).toEqual(b);
  }
}
