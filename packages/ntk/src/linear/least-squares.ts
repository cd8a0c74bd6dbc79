import { checkFinite, checkInRange, checkOptions, showValue } from '@cfrl/engine';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

import { type LazyModel, type LazyOutputs, flatModel, withLoss } from './lazy-model.js';
import { mseLoss } from './losses.js';
import { type Rows, checkRows } from './rows.js';

const NAMES = ['kernel', 'initial', 'test', 'targets', 'tolerance'];

/** What training on squared errors goes by. */
export interface LeastSquaresOptions extends LazyModel {
  /** `[N][O]`, what the outputs shall be. */
  readonly targets: Rows;
  /**
   * Eigenvalues of the kernel below this times the largest count as 0: along them nothing moves. Of a kernel computed in float32 some
   * 1e-6 is what is above rounding. @defaultValue `N O` times 2^-52
   */
  readonly tolerance?: number;
}

/** Options of {@link lazyLeastSquares}. */
export interface LazyLeastSquaresOptions extends LeastSquaresOptions {
  /** Step size; a unit of time of the flow is that of one step. */
  readonly learningRate: number;
}

/** Outputs after some training, and half the mean squared error there. */
export interface LeastSquaresOutputs extends LazyOutputs {
  /** `mseLoss(targets)` of the training examples' outputs. */
  readonly loss: number;
}

/** Training on squared errors, in closed form. */
export interface LazyLeastSquares {
  /** Of the kernel, descending. */
  readonly eigenvalues: readonly number[];
  /** After gradient flow for a time, in steps; `Infinity` is where it ends. */
  readonly flow: (time: number) => LeastSquaresOutputs;
  /** After a number of steps of gradient descent; `Infinity` is where it ends, if the step size lets it. */
  readonly descent: (steps: number) => LeastSquaresOutputs;
}

/**
 * Training of a model that stays lazy on {@link mseLoss}, at any time in closed form, by the kernel's eigenvectors.
 *
 *     flow:    f(t) = y + exp(-learningRate K t / (N O)) (f0 - y)
 *     descent: f_s  = y + (I - learningRate K / (N O))^s (f0 - y)
 *     test:    f*   = f0* - K* K^+ (f0 - f)
 *
 * Double precision. The eigenvectors take some `10 (N O)^3` operations once (`10 N^3` with a traced kernel): a second for 250, half a minute
 * for 1,000; a time then takes a product with the kernel.
 *
 * @param options - the kernel, outputs before training, targets and step size
 * @returns the two functions, and the eigenvalues
 * @throws TypeError or RangeError if shapes do not fit, the kernel is not symmetric, a number is not finite, a time or a number of
 *   steps is negative, or the steps diverge
 * @see Lee et al. 2019, eq. 8 to 11, https://arxiv.org/abs/1902.06720
 *
 * @example
 * ```ts
 * const training = lazyLeastSquares({ kernel: [[2]], initial: [[0]], targets: [[1]], learningRate: 0.25 });
 * [training.descent(2).outputs, training.flow(Infinity).outputs]; // => [[[0.75]], [[1]]]
 * ```
 */
export function lazyLeastSquares(options: LazyLeastSquaresOptions): LazyLeastSquares {
  const where = 'lazyLeastSquares';
  checkOptions(where, options, [...NAMES, 'learningRate']);
  const { learningRate } = options;
  checkFinite(`${where}: learningRate`, learningRate);
  const { eigenvalues, fit } = spectral(where, options);
  const size = options.targets.length * options.targets[0]!.length;
  const shrink = (eigenvalue: number): number => (learningRate * eigenvalue) / size;
  return {
    eigenvalues,
    flow: (time) => {
      checkInRange(`${where}: time`, time, 0, Infinity);
      return fit((value) => -Math.expm1(-shrink(value) * time) / value);
    },
    descent: (steps) => {
      if (steps !== Infinity && !(Number.isSafeInteger(steps) && steps >= 0)) {
        throw new RangeError(
          `${where}: steps is ${showValue(steps)}, expected an integer >= 0 or Infinity`,
        );
      }
      return fit((value) => {
        const r = shrink(value);
        if (steps === 0) return 0;
        // What is left of 1 - r after many steps loses no digits by way of its logarithm.
        const gone = r <= 1 ? -Math.expm1(steps * Math.log1p(-r)) : 1 - (1 - r) ** steps;
        return gone / value;
      });
    },
  };
}

/** Options of {@link kernelRegression}. */
export interface KernelRegressionOptions extends LeastSquaresOptions {
  /** What is added to the kernel's diagonal, in its units; 0 fits the targets where the kernel can. @defaultValue 0 */
  readonly ridge?: number;
}

/**
 * Kernel regression from where a model begins: where training on squared errors ends if the model stays lazy, held back by a ridge.
 *
 *     f* = f0* + K* (K + ridge I)^-1 (y - f0)
 *     the least of |f - y|^2 + ridge |theta - theta_0|^2; of ridge 0 the nearest theta among the best
 *
 * @param options - the kernel, outputs before training, targets and ridge; of a plain regression `initial` is 0
 * @returns outputs of the training examples and of the test points, and half the mean squared error
 * @throws TypeError or RangeError if shapes do not fit, the kernel is not symmetric, or an option is outside its range
 * @see Jacot et al. 2018, section 5, https://arxiv.org/abs/1806.07572
 *
 * @example
 * ```ts
 * const test = { kernel: [[1]], initial: [[0]] };
 * const fit = kernelRegression({ kernel: [[2]], initial: [[0]], targets: [[1]], test, ridge: 2 });
 * [fit.outputs, fit.testOutputs]; // => [[[0.5]], [[0.25]]]
 * ```
 */
export function kernelRegression(options: KernelRegressionOptions): LeastSquaresOutputs {
  const where = 'kernelRegression';
  checkOptions(where, options, [...NAMES, 'ridge']);
  const { ridge = 0 } = options;
  checkInRange(`${where}: ridge`, ridge, 0, Number.MAX_VALUE);
  return spectral(where, options).fit((value) => 1 / (value + ridge));
}

/** The kernel's eigenvectors, and training that goes along each by itself: coefficients `U g(lambda) U^T (f0 - y)`. */
function spectral(where: string, options: LeastSquaresOptions) {
  const { kernel, initial, shape, outputsAt } = flatModel(where, options);
  const { targets, tolerance = shape[0] * shape[1] * Number.EPSILON } = options;
  checkRows(`${where}: targets`, targets, shape);
  checkInRange(`${where}: tolerance`, tolerance, 0, 1);
  const size = kernel.matrix.length;
  const K = new Matrix(kernel.matrix as Float64Array[]);
  const symmetric = Matrix.add(K, K.transpose()).mul(0.5); // rounding aside it is
  const { realEigenvalues: values, eigenvectorMatrix: U } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  const least = tolerance * Math.max(0, ...values);
  const residuals = Matrix.from1DArray(
    size,
    kernel.columns,
    targets.flat().map((target, i) => initial[i]! - target),
  );
  const along = U.transpose().mmul(residuals);
  return {
    eigenvalues: [...values].sort((a, b) => b - a),
    fit: (filter: (eigenvalue: number) => number): LeastSquaresOutputs => {
      const factors = values.map((value) => (value > least ? filter(value) : 0));
      const scaled = along.clone().mulColumnVector(factors);
      const at = outputsAt(Float64Array.from(U.mmul(scaled).to1DArray()));
      return withLoss(where, at, mseLoss(targets).value, 'take a smaller learningRate');
    },
  };
}
