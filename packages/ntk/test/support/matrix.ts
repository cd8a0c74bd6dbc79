/** Plain-number matrices, rows of numbers, in float64: what the tests check the library with. */
export type Matrix = readonly (readonly number[])[];

export const transpose = (A: Matrix): number[][] => A[0]!.map((_, j) => A.map((row) => row[j]!));

export const multiply = (A: Matrix, B: Matrix): number[][] => {
  const columns = transpose(B);
  return A.map((row) => columns.map((column) => dot(row, column)));
};

export const apply = (A: Matrix, x: readonly number[]): number[] => A.map((row) => dot(row, x));

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Eigenvalues of a symmetric matrix, ascending, by Jacobi rotations. */
export function eigenvalues(symmetric: Matrix): number[] {
  const A = symmetric.map((row) => [...row]);
  const n = A.length;
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(A, p, q);
  }
  return A.map((row, i) => row[i]!).sort((a, b) => a - b);
}

function rotate(A: number[][], p: number, q: number): void {
  const apq = A[p]![q]!;
  if (apq === 0) return;
  const theta = (A[q]![q]! - A[p]![p]!) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (const row of A) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
  const [P, Q] = [A[p]!, A[q]!];
  A[p] = P.map((value, j) => c * value - s * Q[j]!);
  A[q] = P.map((value, j) => s * value + c * Q[j]!);
}

/** The part of `x` that is orthogonal to every column of `A`. */
export function orthogonalTo(A: Matrix, x: readonly number[]): number[] {
  const basis: number[][] = [];
  const reduce = (v: readonly number[]) =>
    // Twice is enough for float64.
    [...basis, ...basis].reduce((rest, b) => rest.map((r, i) => r - dot(rest, b) * b[i]!), [...v]);
  for (const column of transpose(A)) {
    const rest = reduce(column);
    const norm = Math.sqrt(dot(rest, rest));
    if (norm > 1e-9) basis.push(rest.map((value) => value / norm));
  }
  return reduce(x);
}
