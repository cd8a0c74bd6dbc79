import { readFileSync } from 'node:fs';

import { coveringTests } from './covering.js';
import { type Mutant, lineAt, mutantsOf, mutated } from './mutants.js';
import { type TestRun, runTests } from './run-tests.js';

/** A change of a file of a package. */
export interface Candidate extends Mutant {
  /** The package's folder. */
  readonly root: string;
  readonly file: string;
  readonly line: number;
  /** What stood there. */
  readonly was: string;
}

/** What became of a change. */
export interface Verdict extends Candidate {
  /** `uncovered` where no test file names anything that leads to the file. */
  readonly outcome: 'killed' | 'timeout' | 'survived' | 'uncovered';
  /** The test that noticed. */
  readonly by?: string;
}

/** All changes of some files of a package. */
export function candidatesOf(root: string, files: readonly string[]): Candidate[] {
  return files.flatMap((file) => {
    const source = readFileSync(file, 'utf8');
    return mutantsOf(source).map((mutant) => ({
      ...mutant,
      root,
      file,
      line: lineAt(source, mutant.start),
      was: source.slice(mutant.start, mutant.end),
    }));
  });
}

/** Slower than this many times the unchanged code, and so many seconds more, is a loop without end. */
const PATIENCE = { times: 3, seconds: 20 };

/**
 * Tries changes one after the other.
 *
 * @param candidates - what to try
 * @param reach - how far from the file its tests may be, as in {@link coveringTests}
 * @param done - is told each verdict
 * @throws Error if the tests fail without a change: then nothing could be told
 */
export async function survey(
  candidates: readonly Candidate[],
  reach: number,
  done: (verdict: Verdict) => void,
): Promise<Verdict[]> {
  const unchanged = new Map<string, TestRun>();
  const verdicts: Verdict[] = [];
  for (const candidate of candidates) {
    const { root, file } = candidate;
    const tests = coveringTests(root, file, reach);
    let verdict: Verdict = { ...candidate, outcome: 'uncovered' };
    if (tests.length > 0) {
      const key = tests.join('\n');
      const before = unchanged.get(key) ?? (await runTests(root, tests, { timeout: 1800 }));
      unchanged.set(key, before);
      if (before.outcome !== 'passed' || before.passed === 0) {
        throw new Error(
          `mutation: the tests of ${file} end ${before.outcome} without a change` +
            ` (${before.failure ?? `${before.passed} passed`}), expected them to pass; mend them first`,
        );
      }
      const run = await runTests(root, tests, {
        file,
        code: mutated(readFileSync(file, 'utf8'), candidate),
        timeout: PATIENCE.times * before.seconds + PATIENCE.seconds,
      });
      const outcome = { passed: 'survived', failed: 'killed', timeout: 'timeout' } as const;
      verdict = {
        ...candidate,
        outcome: outcome[run.outcome],
        ...(run.failure === undefined ? {} : { by: run.failure }),
      };
    }
    verdicts.push(verdict);
    done(verdict);
  }
  return verdicts;
}
