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

/** The change of a functional's mean over contexts, taken apart; every view sums to `explained`, those with a place to what is not `unplaced`. */
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
  /** `param|way` -> a number for all sequences. */
  readonly totals: ReadonlyMap<string, number>;
  /** `layer|way` -> a number a token. */
  readonly placed: ReadonlyMap<string, Float64Array>;
  /** Keys of `totals` that are in no row of `placed`. */
  readonly unplaced: readonly string[];
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

/** `name|way` apart; a name may have the sign too. */
const cut = (key: string): [name: string, way: string] => {
  const at = key.lastIndexOf('|');
  return [key.slice(0, at), key.slice(at + 1)];
};

/** The layer of `param|way`: `W` as the classifier is one of its own. */
const layerOfKey = (key: string, layerOf: (name: string) => string): string => {
  const [param, way] = cut(key);
  return way === 'classifier' ? 'classifier' : layerOf(param);
};

/** `layer|way` of `param|way`. */
export const groupOf = (key: string, layerOf: (name: string) => string): string =>
  `${layerOfKey(key, layerOf)}|${cut(key)[1]}`;

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

  const parts = [...start.totals.keys()]
    .map((key): ChangePart => {
      const [param, way] = cut(key) as [string, Way];
      const change = total(nodes.map(({ weight, sums }) => weight * sums.totals.get(key)!)) / count;
      const kind = way === 'classifier' ? 'classifier' : kindOf(param);
      return { param, way, layer: layerOfKey(key, layerOf), kind, change };
    })
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change));

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
  const placed = tableOf(all, count);
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
    unplaced: [...new Set(start.unplaced.map((key) => cut(key)[0]))],
    contexts: contextChanges(all),
  };
}

/** By layer, way, sequence and token, sequences in the caller's order. */
function tableOf({ contexts, order, nodes, start }: Ingredients, count: number): PlacedChange[] {
  return [...start.placed].map(([key, { length: size }]) => {
    const rows = new Float64Array(size);
    for (const { weight, sums } of nodes) {
      sums.placed.get(key)!.forEach((value, i) => (rows[i]! += (weight * value) / count));
    }
    const [layer, way] = cut(key) as [string, Way];
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
