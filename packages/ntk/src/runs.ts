/** `[from, to)` in runs of `size`. */
export const runsOf = (from: number, to: number, size: number): [number, number][] =>
  Array.from({ length: Math.ceil((to - from) / size) }, (_, i) => [
    from + i * size,
    Math.min(to, from + (i + 1) * size),
  ]);
