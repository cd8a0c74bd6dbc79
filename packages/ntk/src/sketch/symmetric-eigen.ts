/** Eigenvalues, descending, and for each the unit eigenvector. */
export interface SymmetricEigen {
  readonly values: readonly number[];
  readonly vectors: readonly (readonly number[])[];
}

/** All eigenpairs of a small symmetric matrix, by Jacobi rotations (Golub and Van Loan 2013, section 8.5). */
export function symmetricEigen(matrix: readonly (readonly number[])[]): SymmetricEigen {
  const n = matrix.length;
  const A = matrix.map((row) => [...row]);
  const Q = A.map((_, i) => A.map((_2, j) => Number(i === j)));
  const size = Math.sqrt(A.flat().reduce((sum, x) => sum + x * x, 0));
  for (let sweep = 0; sweep < 60; sweep++) {
    let rotated = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = A[p]![q]!;
        if (Math.abs(apq) <= Number.EPSILON * size) continue;
        rotated = true;
        const theta = (A[q]![q]! - A[p]![p]!) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const turn = (a: number, b: number): [number, number] => [c * (a - t * b), c * (t * a + b)];
        for (const row of A) [row[p], row[q]] = turn(row[p]!, row[q]!);
        const [P, R] = [A[p]!, A[q]!];
        for (let j = 0; j < n; j++) [P[j], R[j]] = turn(P[j]!, R[j]!);
        for (const row of Q) [row[p], row[q]] = turn(row[p]!, row[q]!);
      }
    }
    if (!rotated) break;
  }
  const order = A.map((_, i) => i).sort((a, b) => A[b]![b]! - A[a]![a]!);
  return {
    values: order.map((i) => A[i]![i]!),
    vectors: order.map((i) => Q.map((row) => row[i]!)),
  };
}
