import { checkFinite, checkPositiveInteger, showValue } from '@cfrl/engine';

import { checkNotEmpty } from '../check.js';
import { checkToken } from '../samples/log-prob.js';
import { type Rows, checkRows } from './rows.js';

/** A loss as a function of a model's outputs, `[N][O]`, in double precision. */
export interface OutputLoss {
  /** The loss. */
  readonly value: (outputs: Rows) => number;
  /** Its gradient with respect to the outputs, `[N][O]`. */
  readonly gradient: (outputs: Rows) => Rows;
}

/** Refuses what is no loss. */
export function checkedLoss(where: string, loss: OutputLoss): OutputLoss {
  if (typeof loss?.value === 'function' && typeof loss.gradient === 'function') return loss;
  throw new TypeError(
    `${where}: loss is ${showValue(loss)}, expected { value, gradient }, as mseLoss(targets) makes it`,
  );
}

/**
 * Half of the mean squared error, over examples and outputs, as neural-tangents has it.
 *
 *     loss = 1/(2 N O) sum_nk (f_nk - y_nk)^2
 *
 * @param targets - `[N][O]`
 * @returns the loss
 * @throws TypeError or RangeError if the targets are no rows of finite numbers; (from its functions) if outputs have another shape
 *
 * @example
 * ```ts
 * const loss = mseLoss([[1], [0]]);
 * [loss.value([[3], [0]]), loss.gradient([[3], [0]])]; // => [1, [[1], [0]]]
 * ```
 */
export function mseLoss(targets: Rows): OutputLoss {
  const shape = checkRows('mseLoss: targets', targets);
  const size = shape[0] * shape[1];
  const residuals = (outputs: Rows): number[][] => {
    checkRows('mseLoss: outputs', outputs, shape);
    return outputs.map((row, n) => row.map((f, k) => f - targets[n]![k]!));
  };
  return {
    value: (outputs) =>
      residuals(outputs)
        .flat()
        .reduce((sum, r) => sum + r * r, 0) /
      (2 * size),
    gradient: (outputs) => residuals(outputs).map((row) => row.map((r) => r / size)),
  };
}

/** A token in an objective on outputs: `weight log pi(token | row)`. */
export interface OutputSample {
  /** Whose row of outputs are the logits. */
  readonly example: number;
  /** The token taken, in `[0, O)`. */
  readonly token: number;
  /** Its reward or advantage. */
  readonly weight: number;
}

/**
 * Minus the policy-gradient objective, as a function of logits; an example may have several samples, or none.
 *
 *     loss = -(1/N) sum_i weight_i log pi(token_i | logits of example_i),   d loss / d logits = -(1/N) sum_i weight_i (e_token - pi)
 *
 * @param samples - at least one
 * @param completions - `N`, what the sum is divided by
 * @returns the loss
 * @throws TypeError or RangeError if a sample has an index, a token or a weight that is none (what depends on the outputs: from its functions)
 *
 * @example
 * ```ts
 * const loss = policyGradientLoss([{ example: 0, token: 1, weight: 2 }], 1);
 * loss.gradient([[0, 0]]); // => [[1, -1]]
 * ```
 */
export function policyGradientLoss(
  samples: readonly OutputSample[],
  completions: number,
): OutputLoss {
  return ofSamples('policyGradientLoss', samples, completions);
}

/**
 * Cross-entropy with one token an example.
 *
 *     loss = -(1/N) sum_n log softmax(f_n)[token_n]
 *
 * @param tokens - `N` token ids in `[0, O)`
 * @returns the loss
 * @throws TypeError or RangeError if there are none, or (from its functions) one is no index of an output
 *
 * @example
 * ```ts
 * crossEntropyLoss([0]).gradient([[0, 0]]); // => [[-0.5, 0.5]]
 * ```
 */
export function crossEntropyLoss(tokens: readonly number[]): OutputLoss {
  checkNotEmpty('crossEntropyLoss: tokens', tokens);
  const samples = tokens.map((token, example) => ({ example, token, weight: 1 }));
  return ofSamples('crossEntropyLoss', samples, tokens.length);
}

function ofSamples(
  where: string,
  samples: readonly OutputSample[],
  completions: number,
): OutputLoss {
  checkNotEmpty(`${where}: samples`, samples);
  checkPositiveInteger(`${where}: completions`, completions);
  samples.forEach(({ weight }, i) => checkFinite(`${where}: samples[${i}].weight`, weight));
  const logPolicies = (outputs: Rows): readonly (readonly number[])[] => {
    const [N, O] = checkRows(`${where}: outputs`, outputs);
    samples.forEach(({ example, token }, i) => {
      checkToken(`${where}: samples[${i}].token`, token, O);
      if (!(Number.isInteger(example) && example >= 0 && example < N)) {
        throw new RangeError(
          `${where}: samples[${i}].example is ${String(example)}, expected an index in [0, ${N})`,
        );
      }
    });
    return outputs.map(logSoftmaxOf);
  };
  return {
    value: (outputs) => {
      const logPi = logPolicies(outputs);
      const terms = samples.map(({ example, token, weight }) => weight * logPi[example]![token]!);
      return -terms.reduce((sum, term) => sum + term, 0) / completions;
    },
    gradient: (outputs) => {
      const policies = logPolicies(outputs).map((row) => row.map(Math.exp));
      const gradient = outputs.map((row) => row.map(() => 0));
      for (const { example, token, weight } of samples) {
        policies[example]!.forEach((pi, k) => {
          gradient[example]![k]! -= (weight * ((k === token ? 1 : 0) - pi)) / completions;
        });
      }
      return gradient;
    },
  };
}

/** `log softmax` of a row, in double precision. */
function logSoftmaxOf(row: readonly number[]): number[] {
  const most = Math.max(...row);
  const logSum = most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return row.map((x) => x - logSum);
}
