import type { Params } from '@cfrl/engine';

import type { ModelConfig } from '../config/types.js';
import { paramShapes } from '../transformer/init-params.js';

/** How many entries of a list a message shows. */
const SHOWN = 6;

/** The first few entries of a list, and how many more there are: a large model may have hundreds that are wrong. */
export const firstOf = (entries: readonly string[], separator = '; '): string =>
  entries.length <= SHOWN
    ? entries.join(separator)
    : `${entries.slice(0, SHOWN).join(separator)}${separator}and ${entries.length - SHOWN} more`;

/** Shape and kind of a parameter: what both sides of a checkpoint know. */
export interface ParamInfo {
  readonly shape: readonly number[];
  readonly kind: string;
  /** Why its numbers cannot be read, if so. */
  readonly problem?: string;
}

export const sizes = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Whether a parameter is missing or has another shape, in a sentence. */
export function shapeProblem(
  name: string,
  shape: readonly number[],
  found: readonly number[] | undefined,
): string[] {
  if (found === undefined) return [`'${name}' is missing`];
  if (sizes(found) === sizes(shape)) return [];
  return [`'${name}' has shape ${sizes(found)}, expected ${sizes(shape)}`];
}

function paramProblem(name: string, shape: readonly number[], info?: ParamInfo): string[] {
  const problem = shapeProblem(name, shape, info?.shape);
  if (problem.length > 0) return problem;
  if (info?.problem !== undefined) return [info.problem];
  return info?.kind === 'float32' ? [] : [`'${name}' is not of floating point`];
}

/** Compares parameters with the configuration, and `others` says whether it may lack some; one error lists the first few that differ. */
export function checkParams(
  where: string,
  config: ModelConfig,
  params: ReadonlyMap<string, ParamInfo>,
  others = false,
): void {
  const shapes = paramShapes(config);
  const problems = [
    ...Object.entries(shapes).flatMap(([name, shape]) =>
      paramProblem(name, shape, params.get(name)),
    ),
    ...[...params.keys()]
      .filter((name) => !others && !Object.hasOwn(shapes, name))
      .map((name) => `'${name}' is unexpected`),
  ];
  if (problems.length > 0) {
    throw new RangeError(
      `${where}: params has ${problems.length} entries that do not fit the config: ${firstOf(problems)}`,
    );
  }
}

export const infosOf = (params: Params): ReadonlyMap<string, ParamInfo> =>
  new Map(Object.entries(params).map(([name, { shape, dtype }]) => [name, { shape, kind: dtype }]));
