import { type Params, checkFunction, mapParams, option, resolveOptions } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor, checkSelection } from '../check.js';
import { type SharedOptions, shared } from '../options.js';
import { runsOf } from '../runs.js';
import type { Side } from '../uses/block-uses.js';
import { checkOutputs } from '../uses/check-outputs.js';
import { type Examples, examplesOf } from '../uses/examples.js';
import { type Inspection, inspectUses } from '../uses/known-params.js';
import type { Entries } from './route.js';
import { type Method, kernelCost } from './cost.js';
import { everyOutput, givenDirections } from './directions.js';
import { rowsWithin } from './gram.js';
import { referenceKernels } from './reference.js';
import { leastBytes, structuredKernels } from './structured.js';

/** Options of {@link empiricalNtk}. `maxBytes` decides how many rows are held at once; those of `examples2` are computed once for each block of `examples`. */
export interface NtkOptions extends Pick<SharedOptions, 'select' | 'maxBytes'> {
  /**
   * `jacobian` contracts gradients, one backward pass each: the reference, for any function. `structured` takes inner products of
   * what the engine's `dense`, `embedding`, `rmsNorm` and `layerNorm` read and of cotangents of what they give, for all directions in
   * few passes; parameters that are used in other ways are left to the reference. `auto` takes what costs less: {@link explainCost}. @defaultValue 'auto'
   */
  readonly method?: 'auto' | Method;
  /** Told the parameters, if any, that `structured` would leave to the reference. */
  readonly onFallback?: (names: readonly string[]) => void;
  /** Output directions `u` to take in place of all outputs, `[K, O]` or for each example `[N, K, O]`: `u^T K v`. @defaultValue every output */
  readonly directions?: tf.Tensor;
  /** Directions `v` of `examples2`. @defaultValue `directions` */
  readonly directions2?: tf.Tensor;
}

const METHODS: readonly unknown[] = ['auto', 'jacobian', 'structured'];

function checkMethod(where: string, method: unknown): void {
  if (METHODS.includes(method)) return;
  throw new RangeError(`${where} is ${String(method)}, expected one of ${METHODS.join(', ')}`);
}

/** The table of these options but directions. */
export const kernelTable = {
  ...shared('select', 'maxBytes'),
  method: option<'auto' | Method>('auto', checkMethod),
  onFallback: option<NtkOptions['onFallback']>(undefined, (where, given) =>
    checkFunction(where, given, 'write (names) => ...'),
  ),
};

const table = {
  ...kernelTable,
  directions: option<tf.Tensor | undefined>(undefined),
  directions2: option<tf.Tensor | undefined>(undefined),
};

/** Examples in one forward pass that looks at how parameters are used. */
const INSPECTED = 32;

/** What kernels are between. */
export interface KernelProblem {
  readonly where: string;
  readonly params: Params;
  readonly left: Examples;
  /** Null: the left ones. */
  readonly right: Examples | null;
  readonly entries: Entries;
  readonly layerOf: (name: string) => string;
  readonly options: NtkOptions;
}

/** Lists or tensors of examples, checked. */
export function problemOf<E>(
  where: string,
  apply: (params: Params, examples: E) => tf.Tensor2D,
  params: Params,
  examples: E,
  examples2: E | undefined,
): Pick<KernelProblem, 'where' | 'params' | 'left' | 'right'> {
  const left = examplesOf(`${where}: examples`, apply, examples);
  const right =
    examples2 === undefined ? null : examplesOf(`${where}: examples2`, apply, examples2);
  return { where, params, left, right };
}

/** Sides, options and what everything costs. */
export function prepare({ where, params, left, right, entries, layerOf, options }: KernelProblem) {
  const resolved = resolveOptions(where, options, table);
  const { select, method, maxBytes, directions, directions2 = directions } = resolved;
  const numbers = checkSelection(where, params, select);
  if (method === 'jacobian') rowsWithin(where, maxBytes, numbers);
  const outputsOf = (examples: Examples): number =>
    checkOutputs(where, examples, params, INSPECTED);
  const outputs = outputsOf(left);
  if (right !== null && outputsOf(right) !== outputs) {
    throw new RangeError(
      `${where}: apply(params, examples2) has another number of outputs, expected ${outputs} as for examples`,
    );
  }
  const side = (examples: Examples, given: tf.Tensor | undefined, name: string): Side => ({
    examples,
    directions:
      given === undefined
        ? everyOutput(outputs)
        : givenDirections(`${where}: ${name}`, given, examples.count, outputs),
  });
  const sides = {
    left: side(left, directions, 'directions'),
    right:
      right === null && resolved.directions2 === undefined
        ? null
        : side(right ?? left, directions2, 'directions2'),
  };
  const K2 = (sides.right ?? sides.left).directions.count;
  if (entries !== 'full' && K2 !== sides.left.directions.count) {
    throw new RangeError(
      `${where}: directions2 has ${K2} directions, expected ${sides.left.directions.count} as directions`,
    );
  }
  const inspection =
    method === 'jacobian'
      ? unknown
      : inspect(params, select, [left, ...(right ? [right] : [])], outputs);
  const size = (of: Side) => ({ N: of.examples.count, K: of.directions.count });
  const cost = kernelCost(
    params,
    select,
    inspection,
    { ...size(sides.left), right: sides.right && size(sides.right) },
    { entries, layerOf },
  );
  const least = leastBytes(inspection.shapes);
  if (method === 'structured' && !(maxBytes >= least)) {
    throw new RangeError(
      `${where}: maxBytes is ${maxBytes}, expected at least ${least} (inputs and cotangents of one output of an example)`,
    );
  }
  const affordable: Method = maxBytes >= least ? cost.method : 'jacobian';
  return {
    ...resolved,
    ...sides,
    outputs,
    inspection,
    cost: { ...cost, method: method === 'auto' ? affordable : (method as Method) },
  };
}

const unknown: Inspection = { known: new Set(), shapes: [] };

/** How the examples use the selected parameters: what all runs of examples agree on, the most rows of each. */
export function inspect(
  params: Params,
  select: (name: string) => boolean,
  sides: readonly Examples[],
  outputs: number,
): Inspection {
  const own = Object.fromEntries(Object.entries(params).filter(([name]) => select(name)));
  const found = sides.flatMap((examples) =>
    runsOf(0, examples.count, INSPECTED).map(([from, to]) =>
      inspectUses(
        (moving) => {
          const inputs = examples.inputs(from, to);
          const copies = to - from === 1 ? 2 : 1; // of a single example every split of rows is right
          return examples.apply({ ...params, ...moving }, inputs, { from, to, copies });
        },
        own,
        [Math.max(2, to - from), outputs],
      ),
    ),
  );
  const known = new Set(
    Object.keys(own).filter((name) => found.every((each) => each.known.has(name))),
  );
  const bytes = ({ shapes }: Inspection): number =>
    shapes.reduce((sum, { rows, out }) => sum + rows * out, 0);
  const largest = found.reduce((a, b) => (bytes(b) > bytes(a) ? b : a));
  return { known, shapes: largest.shapes.filter(({ name }) => known.has(name)) };
}

/** Kernels by layer: `[N, K, M, K']`, of the diagonal `[N, M, K]`, of the trace `[N, M]`, divided by K; the caller owns the tensors. */
export function kernelsOf(problem: KernelProblem): Record<string, tf.Tensor> {
  const { where, params, entries, layerOf } = problem;
  return tf.tidy(() => {
    const { cost, inspection, left, right, select, maxBytes, onFallback } = prepare(problem);
    if (problem.options.method !== 'jacobian' && cost.fallback.length > 0) {
      onFallback?.(cost.fallback);
    }
    const reference = (own: (name: string) => boolean): Params => {
      const numbers = checkSelection(where, params, own);
      const plan = { layerOf, rowsPerBlock: rowsWithin(where, maxBytes, numbers) };
      return referenceKernels(left, right, params, own, entries, plan);
    };
    const compute = (): Params => {
      if (cost.method === 'jacobian') return reference(select);
      const { known, shapes } = inspection;
      const isKnown = (name: string): boolean => known.has(name);
      const others =
        cost.fallback.length > 0 ? reference((name) => cost.fallback.includes(name)) : {};
      if (known.size === 0) return others;
      const own = { params, select: isKnown, left, right, shapes, maxBytes, entries, layerOf };
      const layers = structuredKernels(own);
      const both = mapParams(layers, (kernel, layer) =>
        others[layer] === undefined ? kernel : tf.add(kernel, others[layer]),
      );
      return { ...others, ...both };
    };
    const [N, K] = [left.examples.count, left.directions.count];
    const other = right ?? left;
    const shaped: Record<Entries, (kernel: tf.Tensor) => tf.Tensor> = {
      full: (kernel) => tf.reshape(kernel, [N, K, other.examples.count, other.directions.count]),
      diagonal: (kernel) => tf.transpose(kernel, [1, 2, 0]),
      trace: (kernel) => tf.div(kernel, K),
    };
    return mapParams(compute(), (kernel) =>
      shaped[entries](checkFiniteTensor(`${where}: the kernel`, kernel)),
    ) as Record<string, tf.Tensor>;
  });
}
