import { checkReportInput } from './check-input.js';
import { claimC1 } from './claim-c1.js';
import { claimC2 } from './claim-c2.js';
import { claimC3 } from './claim-c3.js';
import { summarize } from './summarize.js';
import type { ReportInput } from './input.js';
import type { Finding } from './verdict.js';

/**
 * What the records say about the paper's claims C1 to C3.
 *
 * Every verdict comes from 95 % Student-t intervals over seeds and never from a point estimate, so
 * that with one seed everything is `undecided`. The intervals are not corrected for there being
 * several of them.
 *
 * @param input - Records of all runs; see {@link ReportInput}.
 * @returns One finding a claim, in order, with its text and the numbers that it rests on.
 * @throws RangeError or TypeError if the input is malformed, with the path of what is wrong.
 * @see Tomihari 2026, https://arxiv.org/abs/2601.04670, for the claims.
 *
 * @example
 * ```ts
 * const run = { seed: 1, config: {}, steps: [], probes: [], samplesBefore: [], samplesAfter: [], seconds: 0 };
 * const input = {
 *   title: 'Additions', task: { name: 'add', description: 'One-digit sums.' }, versions: {},
 *   backend: 'cpu', command: 'cfrl paper', arms: [{ name: 'CF-RL', description: '', runs: [run] }],
 * };
 * findings(input).map(({ claim, verdict }) => `${claim} ${verdict}`); // => ['C1 undecided', 'C2 undecided', 'C3 undecided']
 * ```
 */
export function findings(input: ReportInput): Finding[] {
  checkReportInput('findings', input);
  const summary = summarize(input);
  return [claimC1(input, summary), claimC2(input, summary), claimC3(summary)];
}
