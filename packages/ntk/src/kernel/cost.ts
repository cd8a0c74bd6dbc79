import { type Params, countParams, selectParams } from '@cfrl/engine';

import type { Inspection, UseShape } from '../uses/known-params.js';
import { type Entries, type Route, routeCosts } from './route.js';
import { bytesPerRow } from './structured.js';

/** How a kernel is computed. */
export type Method = 'jacobian' | 'structured';

/** What computing a kernel takes by one method, estimated. */
export interface MethodCost {
  /** Multiplications and additions, two a pair, those of small operations counted as what could be done in their time. */
  readonly flops: number;
  /** Bytes of gradients, or of inputs and cotangents, that are looked at together if `maxBytes` allows it. */
  readonly bytes: number;
}

/** What a layer's share of a kernel takes. */
export interface LayerCost {
  readonly jacobian: MethodCost;
  readonly structured: MethodCost;
  /** Of each weight and table: whether inner products or gradients are cheaper. */
  readonly routes: Readonly<Record<string, Route>>;
}

/** What computing a kernel takes by each method, and which `auto` takes. */
export interface KernelCost {
  readonly method: Method;
  /** Selected parameters that are used in a way that is not known: `structured` takes their gradients from the reference. */
  readonly fallback: readonly string[];
  readonly jacobian: MethodCost;
  readonly structured: MethodCost;
  readonly layers: Readonly<Record<string, LayerCost>>;
}

/** Flops that could be done while an operation of a pass is started, for the hundreds of a pass; and while a graph is made. */
const PASS = 2e8;
const GRAPH = 2e9;

/** How many rows there are. */
export interface KernelSize {
  readonly N: number;
  readonly K: number;
  /** Null: the left side. */
  readonly right: { readonly N: number; readonly K: number } | null;
}

const sum = (costs: readonly MethodCost[]): MethodCost => ({
  flops: costs.reduce((total, { flops }) => total + flops, 0),
  bytes: costs.reduce((total, { bytes }) => total + bytes, 0),
});

/** The cost model; `routes` says what the shapes say before rows without a cotangent are left out. */
export function kernelCost(
  params: Params,
  select: (name: string) => boolean,
  { known, shapes }: Inspection,
  { N, K, right }: KernelSize,
  { entries, layerOf }: { readonly entries: Entries; readonly layerOf: (name: string) => string },
): KernelCost {
  const M = right?.N ?? N;
  const half = right === null ? 0.5 : 1;
  const rows = N * K + (right ? right.N * right.K : 0);
  const pairs = half * N * M * (entries === 'full' ? K * (right?.K ?? K) : K);
  const selected = Object.entries(selectParams(params, select));
  const gradients = (size: number): MethodCost => ({
    flops: 2 * pairs * size,
    bytes: 4 * rows * size,
  });
  const useCost = (use: UseShape): { cost: MethodCost; route: Route } => {
    const { kind, rows: R, width, out } = use;
    const bytes = rows * bytesPerRow([use], K);
    if (kind === 'bias' || kind === 'gain') {
      return { cost: { ...gradients(width * out), bytes }, route: 'gradients' };
    }
    const weight = { width, out, table: kind === 'embedding' };
    const left = { n: N, K, R };
    const costs = routeCosts(left, { n: M, K: right?.K ?? K, R }, weight, entries);
    const route = costs.inner <= costs.gradients ? 'inner' : 'gradients';
    return { cost: { flops: 2 * half * costs[route], bytes }, route };
  };
  const byParameter = selected.map(([name, { size }]) => {
    const uses = known.has(name) ? shapes.filter((use) => use.name === name) : [];
    const own = uses.map(useCost);
    const structured = known.has(name) ? sum(own.map(({ cost }) => cost)) : gradients(size);
    return { name, jacobian: gradients(size), structured, route: own[0]?.route ?? 'gradients' };
  });
  const layers = [...new Set(byParameter.map(({ name }) => layerOf(name)))].map((layer) => {
    const own = byParameter.filter(({ name }) => layerOf(name) === layer);
    const cost = {
      jacobian: sum(own.map(({ jacobian }) => jacobian)),
      structured: sum(own.map(({ structured }) => structured)),
      routes: Object.fromEntries(own.map(({ name, route }) => [name, route])),
    };
    return [layer, cost] as const;
  });
  const fallback = selected.flatMap(([name]) => (known.has(name) ? [] : [name]));
  const onePass = shapes.reduce((total, { rows: R, width, out, kind }) => total + (kind === 'dense' ? 2 * R * width * out : R * out), 0); // prettier-ignore
  const alone = rows * (3 * onePass + PASS);
  const jacobian = {
    flops: alone + sum(byParameter.map((each) => each.jacobian)).flops,
    bytes: 4 * rows * countParams(selectParams(params, select)),
  };
  const together = GRAPH + 2 * rows * onePass + (fallback.length > 0 ? alone : 0);
  const structured = sum(byParameter.map((each) => each.structured));
  const withPasses = { ...structured, flops: structured.flops + together };
  return {
    method: known.size > 0 && withPasses.flops < jacobian.flops ? 'structured' : 'jacobian',
    fallback,
    jacobian,
    structured: withPasses,
    layers: Object.fromEntries(layers),
  };
}
