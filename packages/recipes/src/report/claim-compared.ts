import { CFRL_ARM, STANDARD_ARM } from '../run/row-types.js';
import type { Estimate } from './estimate.js';
import type { ReportSummary } from './summarize.js';
import type { Finding } from './verdict.js';

/** Whose numbers these are. */
export const CFRL_MINUS_STANDARD = `${CFRL_ARM} − ${STANDARD_ARM}`;

/**
 * A claim about CF-RL beside standard RL; undecided without seeds that both have.
 *
 * @param judge - given the paired difference of a key, and its arguments
 */
export function comparedClaim(
  claim: string,
  statement: string,
  { comparisons }: ReportSummary,
  judge: (difference: (key: string) => Estimate) => Omit<Finding, 'claim' | 'statement'>,
): Finding {
  const found = comparisons.find(
    ({ arm, baseline }) => arm === CFRL_ARM && baseline === STANDARD_ARM,
  );
  if (!found || found.seeds.length === 0) {
    const text = `This needs arms called ${CFRL_ARM} and ${STANDARD_ARM} with seeds in common.`;
    return { claim, statement, verdict: 'undecided', text, numbers: [] };
  }
  const difference = (key: string) => found.differences.find((item) => item.key === key)!.estimate;
  return { claim, statement, ...judge(difference) };
}
