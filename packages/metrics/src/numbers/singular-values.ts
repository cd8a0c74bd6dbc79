import type { Matrix } from './matrix.js';

/** A matrix in parts: `A = U diag(values) V^T`. */
interface Singular {
  /** `[r]`, descending, above 0. */
  readonly values: Float64Array;
  /** `[r][rows]`: an orthonormal basis of the columns' span. */
  readonly left: readonly Float64Array[];
}

/**
 * Singular values and left vectors by one-sided Jacobi rotations of the columns, which keep small values
 * accurate where the eigenvalues of `A^T A` lose half of the digits (Demmel and Veselic 1992). Values that
 * rounding alone could leave are not there.
 */
export function singular({ rows, columns, data }: Matrix): Singular {
  const vectors = Array.from({ length: columns }, (_, j) =>
    Float64Array.from({ length: rows }, (_, i) => data[i * columns + j]!),
  );
  let rotated = true;
  for (let sweep = 0; rotated && sweep < 60; sweep++) {
    rotated = false;
    for (let p = 0; p < columns; p++) {
      for (let q = p + 1; q < columns; q++) {
        if (rotate(vectors[p]!, vectors[q]!)) rotated = true;
      }
    }
  }
  const lengths = vectors.map((vector) => Math.sqrt(dot(vector, vector)));
  const largest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const kept = lengths
    .map((_, j) => j)
    .filter((j) => lengths[j]! > Math.max(rows, columns) * Number.EPSILON * largest)
    .sort((a, b) => lengths[b]! - lengths[a]!);
  return {
    values: Float64Array.from(kept, (j) => lengths[j]!),
    left: kept.map((j) => vectors[j]!.map((x) => x / lengths[j]!)),
  };
}

/** Makes two columns orthogonal; false if they were. */
function rotate(a: Float64Array, b: Float64Array): boolean {
  const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
  // Columns far below the largest entry (near 1) hold rounding only.
  if (Math.abs(ab) <= Number.EPSILON * Math.sqrt(aa * bb) || Math.abs(ab) < 1e-36) return false;
  const zeta = (bb - aa) / (2 * ab);
  const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const c = 1 / Math.sqrt(1 + t * t);
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = c * (x - t * y);
    b[i] = c * (t * x + y);
  }
  return true;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
