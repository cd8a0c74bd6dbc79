/**
 * Eigenvalues of a symmetric matrix `[size, size]`, ascending, within a few roundings of its norm.
 *
 * Householder reflections make it tridiagonal, `4/3 size^3` operations; then each eigenvalue is found by
 * bisection on Sturm counts, which always converges (Golub and Van Loan 2013, sections 8.3.1 and 8.4.1).
 */
export function symmetricEigenvalues(matrix: Float64Array, size: number): Float64Array {
  const { diagonal, squares } = tridiagonalize(matrix, size);
  let low = 0;
  let high = 0;
  for (let i = 0; i < size; i++) {
    const radius = Math.sqrt(squares[i]!) + Math.sqrt(i + 1 < size ? squares[i + 1]! : 0);
    low = Math.min(low, diagonal[i]! - radius);
    high = Math.max(high, diagonal[i]! + radius);
  }
  const norm = Math.max(-low, high);
  const eigenvalues = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    // Ascending order: the eigenvalue before bounds this one from below.
    let from = k === 0 ? low : eigenvalues[k - 1]!;
    let to = high;
    while (to - from > Number.EPSILON * norm) {
      const middle = (from + to) / 2;
      if (middle <= from || middle >= to) break;
      if (countBelow(diagonal, squares, middle, norm) > k) to = middle;
      else from = middle;
    }
    eigenvalues[k] = (from + to) / 2;
  }
  return eigenvalues;
}

/** The diagonal, and at `i` the square of the entry that couples rows i - 1 and i (0 at `i = 0`). */
function tridiagonalize(
  matrix: Float64Array,
  size: number,
): { readonly diagonal: Float64Array; readonly squares: Float64Array } {
  const a = matrix.slice();
  const squares = new Float64Array(size);
  // A column this small changes no eigenvalue by a rounding, and its square may be subnormal.
  const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const negligible = (1e-3 * Number.EPSILON * largest) ** 2;
  for (let k = 0; k + 1 < size; k++) {
    // Column k below the diagonal is reflected onto its first entry: (I - 2 v v^T / v^T v) x = alpha e.
    let square = 0;
    for (let i = k + 1; i < size; i++) square += a[i * size + k]! ** 2;
    if (square <= negligible) continue;
    squares[k + 1] = square;
    const v = new Float64Array(size);
    for (let i = k + 1; i < size; i++) v[i] = a[i * size + k]!;
    const alpha = v[k + 1]! > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    v[k + 1]! -= alpha;
    reflect(a, size, k + 1, v, 1 / (alpha * (alpha - a[(k + 1) * size + k]!)));
  }
  return { diagonal: Float64Array.from({ length: size }, (_, i) => a[i * size + i]!), squares };
}

/** Applies `H = I - beta v v^T` on both sides of the trailing block, by one symmetric rank-2 update. */
function reflect(
  a: Float64Array,
  size: number,
  first: number,
  v: Float64Array,
  beta: number,
): void {
  const w = new Float64Array(size);
  let overlap = 0;
  for (let i = first; i < size; i++) {
    let sum = 0;
    for (let j = first; j < size; j++) sum += a[i * size + j]! * v[j]!;
    w[i] = beta * sum;
    overlap += w[i]! * v[i]!;
  }
  for (let i = first; i < size; i++) w[i]! -= (beta / 2) * overlap * v[i]!;
  for (let i = first; i < size; i++) {
    for (let j = first; j < size; j++) a[i * size + j]! -= v[i]! * w[j]! + w[i]! * v[j]!;
  }
}

/** How many eigenvalues lie below `x`: the negative pivots of `T - x I`. */
function countBelow(
  diagonal: Float64Array,
  squares: Float64Array,
  x: number,
  norm: number,
): number {
  let count = 0;
  let pivot = 1;
  for (let i = 0; i < diagonal.length; i++) {
    pivot = diagonal[i]! - x - squares[i]! / pivot;
    // A pivot of 0 is moved by less than the rounding of the matrix.
    if (Math.abs(pivot) < 1e-20 * norm) pivot = -1e-20 * norm;
    if (pivot < 0) count++;
  }
  return count;
}
