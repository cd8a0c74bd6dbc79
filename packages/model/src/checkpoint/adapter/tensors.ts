import type { Params } from '@cfrl/engine';
import type * as tf from '@tensorflow/tfjs-core';

import { firstOf, shapeProblem, sizes } from '../check-params.js';

export function refuse(where: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new RangeError(
    `${where}: the adapter has ${problems.length} entries that do not fit the model: ${firstOf(problems)}`,
  );
}

export const tensorProblems = (
  shapes: Readonly<Record<string, readonly number[]>>,
  tensors: Params,
): string[] =>
  Object.entries(shapes).flatMap(([name, shape]) => {
    const tensor = tensors[name];
    const problem = shapeProblem(name, shape, tensor?.shape);
    if (tensor === undefined || problem.length > 0) return problem;
    if (tensor.dtype !== 'float32') return [`'${name}' is ${tensor.dtype}, expected float32`];
    return tensor.dataSync().every(Number.isFinite)
      ? []
      : [`'${name}' has NaN or infinite numbers`];
  });

export const equal = (a: tf.Tensor | undefined, b: tf.Tensor | undefined): boolean => {
  if (a === undefined || b === undefined || sizes(a.shape) !== sizes(b.shape)) return false;
  const [x, y] = [a.dataSync(), b.dataSync()];
  return x.every((value, i) => value === y[i]);
};

export const pick = (names: readonly string[], from: Params): Params =>
  Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]!]));
