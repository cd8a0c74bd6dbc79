import { type Estimate, side } from './estimate.js';

/** What the numbers say about a claim. */
export type Verdict = 'supported' | 'not supported' | 'undecided';

/** A number that bears on a claim. */
export interface FindingNumber {
  readonly name: string;
  /** Whose it is: an arm, or a difference such as `CF-RL − standard RL`. */
  readonly group: string;
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
  if (deciding.some((number) => side(number.estimate) === opposite[number.expected!]))
    return 'not supported';
  const confirmed = deciding.every((number) => side(number.estimate) === number.expected);
  return deciding.length > 0 && confirmed ? 'supported' : 'undecided';
}
