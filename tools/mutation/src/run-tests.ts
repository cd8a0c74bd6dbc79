import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VITEST = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url));

/**
 * The package's own configuration, with a text in place of one file: nothing is written into the package, and the
 * changed text exists only where these tests load it. (StrykerJS would force its tests into threads of one process,
 * which native TensorFlow cannot be loaded into twice, and asks for a newer Node.js.)
 */
const configuration = (root: string, results: string, file = '', code = ''): string => `
import own from ${JSON.stringify(join(root, 'vitest.config.ts'))};

const load = (id) => (id.split('?')[0] === ${JSON.stringify(file)} ? ${JSON.stringify(code)} : undefined);

export default {
  ...own,
  plugins: [{ name: 'mutant', enforce: 'pre', load }],
  test: { ...own.test, bail: 1, reporters: [['json', { outputFile: ${JSON.stringify(results)} }]] },
};
`;

/** How a run of tests ended. */
export interface TestRun {
  /** `failed` also where the tests could not be loaded; `timeout` where they were stopped. */
  readonly outcome: 'passed' | 'failed' | 'timeout';
  /** How many tests passed. */
  readonly passed: number;
  /** The first test that failed. */
  readonly failure?: string;
  readonly seconds: number;
}

/**
 * Runs some test files of a package, up to the first failure, as if one of its files had another text.
 *
 * @param root - the package's folder
 * @param tests - paths of test files
 * @param options - the file and its text, if any; after how many seconds the run is stopped
 */
export async function runTests(
  root: string,
  tests: readonly string[],
  options: { readonly file?: string; readonly code?: string; readonly timeout: number },
): Promise<TestRun> {
  const { timeout, file, code } = options;
  const work = mkdtempSync(join(tmpdir(), 'mutant-'));
  try {
    const config = join(work, 'vitest.config.mts');
    const results = join(work, 'results.json');
    writeFileSync(config, configuration(root, results, file, code));
    const started = performance.now();
    const args = [VITEST, 'run', '--root', root, '--config', config];
    const child = spawn(process.execPath, [...args, ...tests], {
      cwd: root,
      stdio: 'ignore',
      // A group of its own, so that its workers are stopped with it.
      detached: true,
    });
    const stop = (): void => {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, timeout * 1000);
    process.once('exit', stop);
    const status = await new Promise<number | null>((done, fail) => {
      child.on('error', fail);
      child.on('exit', done);
    });
    clearTimeout(timer);
    process.off('exit', stop);
    const seconds = (performance.now() - started) / 1000;
    if (timedOut) return { outcome: 'timeout', passed: 0, seconds };
    const { passed, failure } = existsSync(results) ? read(results) : { passed: 0 };
    const outcome = status === 0 ? 'passed' : 'failed';
    return { outcome, passed, seconds, ...(failure === undefined ? {} : { failure }) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Results {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function read(path: string): { passed: number; failure?: string } {
  const { numPassedTests: passed, testResults } = JSON.parse(readFileSync(path, 'utf8')) as Results;
  const failure = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed')?.fullName;
  return failure === undefined ? { passed } : { passed, failure };
}
