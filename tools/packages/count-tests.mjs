// Sums the results that vitest wrote for every package that has been tested: prints `passed failed skipped`, or, with --words, a
// line for people. A run that broke off before it had results counts as one failure. What failed or was skipped, and why, goes
// to standard error.
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const words = process.argv.includes('--words');
const roots = [
  new URL('../../packages/', import.meta.url),
  new URL('../../tools/', import.meta.url),
];
let [passed, failed, skipped, read] = [0, 0, 0, 0];
for (const [name, root] of roots.flatMap((root) => readdirSync(root).map((name) => [name, root]))) {
  const file = new URL(`${name}/.vitest-results/results.json`, root);
  if (!existsSync(file)) continue;
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const tests = results.testResults.flatMap(({ assertionResults }) => assertionResults);
  read += 1;
  passed += results.numPassedTests;
  failed += results.numFailedTests;
  for (const { status, fullName, failureMessages } of tests) {
    if (status === 'failed') {
      const reason = failureMessages.join('\n').split('\n').slice(0, 6).join('\n        ');
      console.error(`FAIL  ${name}: ${fullName}\n        ${reason}`);
    } else if (status !== 'passed') {
      skipped += 1;
      console.error(`SKIP  ${name}: ${fullName}`);
    }
  }
  if (!results.success && results.numFailedTests === 0) failed += 1;
}
if (words)
  console.log(`Tests of all packages: ${passed} passed, ${failed} failed, ${skipped} skipped`);
else console.log(passed, failed, skipped);
process.exitCode = read > 0 ? 0 : 1;
