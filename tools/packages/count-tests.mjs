// Sums the results that vitest wrote for every package that has been tested: prints `passed failed`. A run that
// broke off before it had results counts as one failure. What failed, and why, goes to standard error.
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const roots = [
  new URL('../../packages/', import.meta.url),
  new URL('../../tools/', import.meta.url),
];
let [passed, failed, read] = [0, 0, 0];
for (const [name, root] of roots.flatMap((root) => readdirSync(root).map((name) => [name, root]))) {
  const file = new URL(`${name}/.vitest-results/results.json`, root);
  if (!existsSync(file)) continue;
  const results = JSON.parse(readFileSync(file, 'utf8'));
  read += 1;
  passed += results.numPassedTests;
  failed += results.numFailedTests;
  for (const { fullName, failureMessages } of results.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')) {
    const reason = failureMessages.join('\n').split('\n').slice(0, 6).join('\n        ');
    console.error(`FAIL  ${name}: ${fullName}\n        ${reason}`);
  }
  if (!results.success && results.numFailedTests === 0) failed += 1;
}
console.log(passed, failed);
process.exitCode = read > 0 ? 0 : 1;
