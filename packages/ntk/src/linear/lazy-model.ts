import { MOST_FLOAT32, showValue } from '@cfrl/engine';

import { type Rows, checkRows } from './rows.js';

/** A kernel as plain numbers: `[M][O][N][O]`, or traced, `[M][N]`, which stands for itself times the identity of the outputs. */
export type PlainKernel = Rows | readonly (readonly (readonly (readonly number[])[])[])[];

/** A model that never leaves its tangent: all that training does to its outputs goes through its kernel. */
export interface LazyModel {
  /** Of the training examples with themselves, `[N][O][N][O]` or traced, `[N][N]`; `arraySync()` of `empiricalNtk` or `traceNtk`. */
  readonly kernel: PlainKernel;
  /** Outputs of the training examples before training, `[N][O]`. */
  readonly initial: Rows;
  /** Points that are looked at and not trained on. */
  readonly test?: {
    /** Of the test points with the training examples, `[M][O][N][O]` or `[M][N]`. */
    readonly kernel: PlainKernel;
    /** Their outputs before training, `[M][O]`. */
    readonly initial: Rows;
  };
}

/** Outputs of a lazy model after some training. */
export interface LazyOutputs {
  /** Of the training examples, `[N][O]`. */
  readonly outputs: Rows;
  /** Of the test points, `[M][O]`; there exactly when the model has them. */
  readonly testOutputs?: Rows;
}

/**
 * A kernel as one matrix that multiplies coefficients `[N, O]`: of a full kernel `[M O, N O]` and one column, of a traced one `[M, N]` and
 * `O` columns.
 */
interface FlatKernel {
  readonly matrix: readonly Float64Array[];
  readonly columns: number;
}

/** A lazy model, checked and laid flat: `f = f0 - K a` for coefficients `a`, `[N O]`, of which every kind of training is a path. */
export interface FlatModel {
  readonly kernel: FlatKernel;
  readonly initial: Float64Array;
  readonly shape: readonly [number, number];
  /** Outputs where the coefficients are `a`. */
  readonly outputsAt: (coefficients: Float64Array) => LazyOutputs;
}

/** Outputs with their loss; refused if they are not finite. */
export function withLoss(
  where: string,
  outputs: LazyOutputs,
  lossOf: (outputs: Rows) => number,
  mend: string,
): LazyOutputs & { readonly loss: number } {
  const rows = [...outputs.outputs, ...(outputs.testOutputs ?? [])];
  const loss = rows.every((row) => row.every(Number.isFinite)) ? lossOf(outputs.outputs) : NaN;
  if (Number.isFinite(loss)) return { loss, ...outputs };
  throw new RangeError(
    `${where}: outputs or loss come out as NaN or infinite, expected finite numbers; ${mend}`,
  );
}

/** Checks a lazy model before any work. */
export function flatModel(where: string, model: LazyModel): FlatModel {
  const shape = checkRows(`${where}: initial`, model.initial);
  const kernel = flatKernel(`${where}: kernel`, model.kernel, shape[0], shape);
  checkSymmetric(where, kernel);
  const initial = Float64Array.from(model.initial.flat());
  const train = { kernel, initial };
  const { test } = model;
  if (test !== undefined && (typeof test !== 'object' || test === null)) {
    throw new TypeError(`${where}: test is ${showValue(test)}, expected { kernel, initial }`);
  }
  let tested: typeof train | undefined;
  if (test !== undefined) {
    const [M] = checkRows(`${where}: test.initial`, test.initial, [null, shape[1]]);
    tested = {
      kernel: flatKernel(`${where}: test.kernel`, test.kernel, M, shape),
      initial: Float64Array.from(test.initial.flat()),
    };
  }
  const at = (side: typeof train, coefficients: Float64Array): Rows =>
    toRows(movedBy(side.kernel, side.initial, coefficients), shape[1]);
  return {
    kernel,
    initial,
    shape,
    outputsAt: (coefficients) => ({
      outputs: at(train, coefficients),
      ...(tested && { testOutputs: at(tested, coefficients) }),
    }),
  };
}

/** `f0 - K a`. */
function movedBy(
  { matrix, columns }: FlatKernel,
  initial: Float64Array,
  coefficients: Float64Array,
): Float64Array {
  const moved = Float64Array.from(initial);
  matrix.forEach((row, r) => {
    for (let c = 0; c < row.length; c++) {
      for (let k = 0; k < columns; k++)
        moved[r * columns + k]! -= row[c]! * coefficients[c * columns + k]!;
    }
  });
  return moved;
}

/** Numbers in rows of `O`. */
const toRows = (numbers: Float64Array, O: number): number[][] =>
  Array.from({ length: numbers.length / O }, (_, n) => [...numbers.subarray(n * O, (n + 1) * O)]);

function flatKernel(
  where: string,
  kernel: PlainKernel,
  M: number,
  [N, O]: readonly [number, number],
): FlatKernel {
  const traced = typeof (kernel as Rows)?.[0]?.[0] === 'number';
  const rows = traced
    ? (kernel as Rows)
    : Array.isArray(kernel) && (kernel as readonly Rows[][]).every(Array.isArray)
      ? (kernel as readonly (readonly Rows[])[]).flatMap((blocks) =>
          blocks.map((block) => (Array.isArray(block) ? block.flat() : [])),
        )
      : [];
  const [height, width] = traced ? [M, N] : [M * O, N * O];
  if (rows.length !== height || rows.some(({ length }) => length !== width)) {
    const is = Array.isArray(kernel)
      ? `${rows.length} rows of ${rows[0]?.length ?? 0}`
      : showValue(kernel);
    throw new RangeError(
      `${where} is ${is}, expected arrays [${M}][${O}][${N}][${O}], or traced [${M}][${N}], to fit the outputs; ` +
        'of a tensor arraySync() makes them',
    );
  }
  checkRows(where, rows);
  if (rows.some((row) => row.some((x) => Math.abs(x) > MOST_FLOAT32))) {
    throw new RangeError(
      `${where} has entries beyond ${MOST_FLOAT32}, expected what float32 holds`,
    );
  }
  return { matrix: rows.map((row) => Float64Array.from(row)), columns: traced ? O : 1 };
}

/** How far from symmetric rounding in float32 may leave a kernel, against its largest entry. */
const ASYMMETRY = 1e-3;

function checkSymmetric(where: string, { matrix }: FlatKernel): void {
  const most = matrix.reduce((m, row) => row.reduce((n, x) => Math.max(n, Math.abs(x)), m), 0);
  matrix.forEach((row, r) => {
    for (let c = 0; c < r; c++) {
      if (Math.abs(row[c]! - matrix[c]![r]!) > ASYMMETRY * most) {
        throw new RangeError(
          `${where}: kernel is not symmetric (entries ${r}, ${c} are ${row[c]} and ${matrix[c]![r]}), expected ` +
            "the training examples' kernel with themselves",
        );
      }
    }
  });
}
