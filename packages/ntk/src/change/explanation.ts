import type { Contexts } from '../sequences/batches.js';
import type { Functional } from './functional.js';
import type { Way } from './slopes.js';

/** The share of one parameter's change, through one way. */
export interface ChangePart {
  /** The parameter. */
  readonly param: string;
  /** `classifier`: `W` moved under the features; `body`: the features moved. */
  readonly way: Way;
  /** Its layer. */
  readonly layer: string;
  /** Its kind. */
  readonly kind: string;
  /** What it changed, in the functional's unit. */
  readonly change: number;
}

/** The share of one layer's change at every token. */
export interface PlacedChange {
  readonly layer: string;
  readonly way: Way;
  /** `[sequence][token]`, where in the sequences the layer's parameters acted. */
  readonly change: readonly (readonly number[])[];
}

/** A sequence's contexts, and what the functional was there. */
export interface ContextChange {
  readonly positions: readonly number[];
  /** One a position. */
  readonly before: readonly number[];
  /** One a position. */
  readonly after: readonly number[];
}

/** The change of a functional's mean over contexts, taken apart; every view sums to `explained`. */
export interface ChangeExplanation {
  /** The functional's name. */
  readonly functional: string;
  /** The unit of all numbers below. */
  readonly unit: string;
  /** The mean before. */
  readonly before: number;
  /** The mean after. */
  readonly after: number;
  /** `after - before`. */
  readonly measured: number;
  /** The sum of all parts. */
  readonly explained: number;
  /** `measured - explained`. */
  readonly residual: number;
  /** Nodes of the quadrature. */
  readonly nodes: number;
  /** How much the part moved that moved most when the nodes were doubled. */
  readonly uncertainty: number;
  /** Whether residual and uncertainty are within the tolerance. */
  readonly converged: boolean;
  /** By parameter and way, the largest first. */
  readonly parts: readonly ChangePart[];
  /** Way -> change. */
  readonly byWay: Readonly<Record<Way, number>>;
  /** Layer -> change. */
  readonly byLayer: Readonly<Record<string, number>>;
  /** Kind -> change. */
  readonly byKind: Readonly<Record<string, number>>;
  /** By layer, sequence and token. */
  readonly table: readonly PlacedChange[];
  /** One a sequence: what came about in it. With {@link unplaced} parts these sum to less than `explained`. */
  readonly bySequence: readonly number[];
  /** One a token position, over all sequences. */
  readonly byPosition: readonly number[];
  /** Parameters that were used in a way without a place in a sequence: they are in `parts`, and in no table. */
  readonly unplaced: readonly string[];
  /** What was measured at each context. */
  readonly contexts: readonly ContextChange[];
}

/** What was computed at one node: the functional at every context, and slopes at every token, in sorted order of sequences. */
export interface NodeSums {
  readonly values: Float64Array;
  /** `param|way` -> a number a token. */
  readonly placed: ReadonlyMap<string, Float64Array>;
  /** `param|way` -> a number for all sequences. */
  readonly unplaced: ReadonlyMap<string, number>;
}

/** All that an explanation is made of. */
interface Ingredients {
  readonly functional: Functional;
  readonly contexts: readonly Contexts[];
  /** Index among `contexts` of each sequence as it was computed. */
  readonly order: readonly number[];
  readonly nodes: readonly { readonly weight: number; readonly sums: NodeSums }[];
  readonly start: NodeSums;
  readonly end: NodeSums;
  readonly previous: ChangeExplanation | undefined;
  readonly tolerance: number;
  readonly layerOf: (name: string) => string;
  readonly kindOf: (name: string) => string;
}

const total = (numbers: Iterable<number>): number => {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
};

/** The quadrature, and every view of it. */
export function explanationOf(all: Ingredients): ChangeExplanation {
  const { functional, contexts, nodes, start, end, previous, tolerance, layerOf, kindOf } = all;
  const count = start.values.length;
  const before = total(start.values) / count;
  const after = total(end.values) / count;
  // Small differences: subtract before summing.
  const measured = total(end.values.map((value, i) => value - start.values[i]!)) / count;

  const part = (key: string, change: number): ChangePart => {
    const cut = key.lastIndexOf('|');
    const [param, way] = [key.slice(0, cut), key.slice(cut + 1) as Way];
    return {
      param,
      way,
      layer: way === 'classifier' ? 'classifier' : layerOf(param),
      kind: way === 'classifier' ? 'classifier' : kindOf(param),
      change,
    };
  };
  const integrated = new Map(
    [...start.placed.keys()].map((key) => {
      const first = start.placed.get(key)!;
      const sum = first.map(
        (_, i) =>
          total(nodes.map(({ weight, sums }) => weight * sums.placed.get(key)![i]!)) / count,
      );
      return [key, sum] as const;
    }),
  );
  const unplaced = [...start.unplaced.keys()];
  const parts = [
    ...[...integrated].map(([key, rows]) => part(key, total(rows))),
    ...unplaced.map((key) =>
      part(key, total(nodes.map(({ weight, sums }) => weight * sums.unplaced.get(key)!)) / count),
    ),
  ].sort((a, b) => Math.abs(b.change) - Math.abs(a.change));

  const explained = total(parts.map(({ change }) => change));
  const residual = measured - explained;
  const earlier = new Map(
    previous?.parts.map(({ param, way, change }) => [`${param}|${way}`, change]),
  );
  const uncertainty = Math.max(
    ...parts.map(({ param, way, change }) =>
      Math.abs(change - (earlier.get(`${param}|${way}`) ?? 0)),
    ),
  );
  const byWay = { classifier: 0, body: 0 };
  const byLayer: Record<string, number> = {};
  const byKind: Record<string, number> = {};
  for (const { way, layer, kind, change } of parts) {
    byWay[way] += change;
    byLayer[layer] = (byLayer[layer] ?? 0) + change;
    byKind[kind] = (byKind[kind] ?? 0) + change;
  }
  const largest = Math.max(...Object.values(byLayer).map(Math.abs));
  const placed = tableOf(integrated, all, part);
  const bySequence = contexts.map((_, s) => total(placed.map(({ change }) => total(change[s]!))));
  const longest = Math.max(...contexts.map(({ tokens }) => tokens.length));
  const byPosition = Array.from({ length: longest }, (_, t) =>
    total(placed.map(({ change }) => total(change.map((row) => row[t] ?? 0)))),
  );
  return {
    functional: functional.name,
    unit: functional.unit,
    before,
    after,
    measured,
    explained,
    residual,
    nodes: nodes.length,
    uncertainty,
    converged:
      previous !== undefined &&
      Math.abs(residual) <= tolerance * Math.abs(measured) &&
      uncertainty <= tolerance * largest,
    parts,
    byWay,
    byLayer,
    byKind,
    table: placed,
    bySequence,
    byPosition,
    unplaced: [...new Set(unplaced.map((key) => part(key, 0).param))],
    contexts: contextChanges(all),
  };
}

/** By layer, way, sequence and token, sequences in the caller's order. */
function tableOf(
  integrated: ReadonlyMap<string, Float64Array>,
  { contexts, order }: Ingredients,
  part: (key: string, change: number) => ChangePart,
): PlacedChange[] {
  const layers = new Map<string, { layer: string; way: Way; rows: Float64Array }>();
  for (const [key, rows] of integrated) {
    const { layer, way } = part(key, 0);
    const name = `${layer}|${way}`;
    const known = layers.get(name);
    if (known === undefined) layers.set(name, { layer, way, rows: Float64Array.from(rows) });
    else rows.forEach((value, i) => (known.rows[i]! += value));
  }
  return [...layers.values()].map(({ layer, way, rows }) => {
    const change: number[][] = [];
    let from = 0;
    for (const index of order) {
      const { length } = contexts[index]!.tokens;
      change[index] = [...rows.subarray(from, from + length)];
      from += length;
    }
    return { layer, way, change };
  });
}

function contextChanges({ contexts, order, start, end }: Ingredients): ContextChange[] {
  const changes: ContextChange[] = [];
  let from = 0;
  for (const index of order) {
    const { positions } = contexts[index]!;
    const to = from + positions.length;
    changes[index] = {
      positions,
      before: [...start.values.subarray(from, to)],
      after: [...end.values.subarray(from, to)],
    };
    from = to;
  }
  return changes;
}
