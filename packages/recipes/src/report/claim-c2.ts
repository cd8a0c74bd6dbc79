import { CFRL_MINUS_STANDARD, comparedClaim } from './claim-compared.js';
import { points, valueAt } from './curve.js';
import { type Estimate, estimate, mapEstimate, side } from './estimate.js';
import { formatEstimate } from './format.js';
import { headlineMeasure } from './measures.js';
import { limitedVariability } from './premise.js';
import { minus, pairRuns, type ReportSummary } from './summarize.js';
import { CFRL_ARM, type RunData, STANDARD_ARM } from '../run/row-types.js';
import type { ReportInput } from './input.js';
import type { Finding } from './verdict.js';

/**
 * C2: learning depends on shaping the classifier quickly, which acts on G.
 *
 * Two arms can contradict this but not establish it: CF-RL shapes the classifier first by
 * construction, so if it then learns more slowly the claim fails here; if it learns faster, that
 * is what the claim predicts, but "depends" would take an arm whose classifier is held fixed.
 */
export function claimC2(input: ReportInput, summary: ReportSummary): Finding {
  const statement =
    'Where features vary little, effective learning depends on shaping the classifier quickly, which acts on G = W A Wᵀ.';
  return comparedClaim('C2', statement, summary, (difference) => {
    const premise = limitedVariability(input);
    const kernel = kernelGrowth(input);
    const tokens = difference('tokensToThreshold');
    const contradicted = premise.holds && side(tokens) === 'above';
    const limit = contradicted ? [] : [LIMIT];
    const group = CFRL_MINUS_STANDARD;
    return {
      verdict: contradicted ? 'not supported' : 'undecided',
      text: [kernelText(kernel), learningText(tokens), premise.text, ...limit].join(' '),
      numbers: [
        { group, name: 'Log growth of ‖G‖ in stage 1', estimate: kernel },
        { group, name: 'Tokens to the threshold', estimate: tokens, expected: 'below' },
      ],
    };
  });
}

const LIMIT =
  'Two arms can contradict this claim but not establish it: that learning depends on the classifier would take a third arm whose classifier is held fixed.';

/** log(G at the end of stage 1 / G before RL), CF-RL minus standard RL at the same tokens. */
function kernelGrowth(input: ReportInput): Estimate {
  const [cfrl, standard] = [CFRL_ARM, STANDARD_ARM].map((name) =>
    input.arms.find((arm) => arm.name === name)!,
  );
  return estimate(
    pairRuns(cfrl!, standard!).map(([run, twin]) => {
      const boundary = run.stageBoundary;
      return boundary === undefined ? null : minus(growth(run, boundary), growth(twin, boundary));
    }),
  );
}

function growth(run: RunData, tokens: number): number | null {
  const curve = points(run, headlineMeasure('gradientNorm'));
  const [start, end] = [valueAt(curve, 0), valueAt(curve, tokens)];
  return start === null || end === null || start <= 0 || end <= 0 ? null : Math.log(end / start);
}

function kernelText(kernel: Estimate): string {
  if (kernel.mean === null) return 'How ‖G‖ moved in stage 1 was not measured.';
  const factor = formatEstimate(mapEstimate(kernel, Math.exp));
  const measured = `In stage 1, ‖G‖ grew ${factor} times as much under CF-RL as under standard RL for the same tokens`;
  return {
    above: `${measured}: shaping the classifier first acts on G, as the claim says.`,
    below: `${measured}: shaping the classifier first acts on G, by holding it back.`,
    around: `${measured}: no clear difference.`,
    unknown: `${measured} (one seed, so no interval).`,
  }[side(kernel)];
}

function learningText(tokens: Estimate): string {
  return {
    above:
      'But learning that way took more tokens than standard RL, so shaping the classifier first did not make learning effective here.',
    below: 'Learning that way took fewer tokens than standard RL, as the claim predicts.',
    around: 'Whether learning that way took fewer tokens than standard RL is not clear.',
    unknown:
      'Whether learning that way took fewer tokens than standard RL cannot be told from these runs.',
  }[side(tokens)];
}
