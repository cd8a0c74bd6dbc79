import { checkReportInput } from './check.js';
import { claimC1 } from './claim-c1.js';
import { claimC2 } from './claim-c2.js';
import { claimC3 } from './claim-c3.js';
import { type Estimate, side } from './estimate.js';
import { summarize } from './summarize.js';
import type { ReportInput } from './types.js';

/** What the numbers say about a claim. */
export type Verdict = 'supported' | 'not supported' | 'undecided';

/** A number that bears on a claim. */
export interface FindingNumber {
  readonly name: string;
  /** The arm it belongs to; absent for a number between arms or over all runs. */
  readonly arm?: string;
  readonly estimate: Estimate;
  /** The side of zero that the claim expects the whole interval on; absent for context that decides nothing. */
  readonly expected?: 'above' | 'below';
}

/** A claim, the verdict on it, and why. */
export interface Finding {
  /** Its name in the theory: C1, C2, C3. */
  readonly claim: string;
  /** The claim itself, one sentence. */
  readonly statement: string;
  readonly verdict: Verdict;
  /** The reasons, in words made from the numbers. */
  readonly text: string;
  readonly numbers: readonly FindingNumber[];
}

/**
 * The verdict of numbers whose expected side is known: `not supported` if one interval lies on the
 * other side of zero, `supported` if all lie on the expected side, else `undecided`.
 */
export function decide(numbers: readonly FindingNumber[]): Verdict {
  const deciding = numbers.filter(({ expected }) => expected !== undefined);
  const opposite = { above: 'below', below: 'above' } as const;
  if (deciding.some((number) => side(number.estimate) === opposite[number.expected!])) return 'not supported';
  const confirmed = deciding.every((number) => side(number.estimate) === number.expected);
  return deciding.length > 0 && confirmed ? 'supported' : 'undecided';
}

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
