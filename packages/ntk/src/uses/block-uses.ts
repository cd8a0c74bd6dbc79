import { type Compiled, type Params, compile, mapParams, padTo } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { runsOf } from '../runs.js';
import { type ExampleUse, exampleUses, gradientsByExample } from './example-uses.js';
import type { Examples } from './examples.js';

/** A use of a weight or a table by `n` examples, with cotangents for `K` directions. */
export interface FactoredUse {
  readonly name: string;
  readonly kind: 'dense' | 'embedding';
  readonly layout: ExampleUse['layout'];
  /** Rows of the weight or the table, as it stands against the operation: `[width, out]`. */
  readonly width: number;
  /** Rows `[n, R, in]`; of an embedding ids `[n, R]`. */
  readonly input: tf.Tensor;
  /** `[n, K, R, out]`. */
  readonly cotangent: tf.Tensor4D;
}

/** What `n` examples and `K` directions of each know of their gradients. */
export interface BlockUses {
  readonly factored: readonly FactoredUse[];
  /** Of biases and gains the gradients themselves, `[n, K, size]`, by name. */
  readonly formed: Params;
}

/** Directions in the space of outputs: `[n, k, O]` of examples `nFrom` to `nTo` and directions `kFrom` to `kTo`. */
export interface Directions {
  readonly count: number;
  readonly rows: (nFrom: number, nTo: number, kFrom: number, kTo: number) => tf.Tensor3D;
}

/** One side of a kernel. */
export interface Side {
  readonly examples: Examples;
  readonly directions: Directions;
}

/** What a pass gives (a type, since `tf.tidy` returns no interface); keys of factored uses are `kind|layout|name`, since a graph passes on nothing but tensors. */
type Raw = {
  readonly inputs: Params;
  readonly cotangents: Params;
  readonly formed: Params;
};

type Pass = (params: Params, inputs: Params, cotangents: tf.Tensor3D) => Raw;

/** The uses of some parameters, pass after pass, each pass as one graph where that pays. */
export interface UsesReader {
  readonly read: (nFrom: number, nTo: number, kFrom: number, kTo: number) => BlockUses;
  readonly dispose: () => void;
}

/** From so many passes over the same examples on, a graph is made of them: making it takes as long as some passes. */
const GRAPH_FROM = 12;

/**
 * Reads uses of the parameters that `select` keeps. A pass has the rows that `rowsPerPass` allows: as many examples as there are, and
 * then as many directions of them.
 */
export function usesReader(
  { examples, directions }: Side,
  params: Params,
  select: (name: string) => boolean,
  rowsPerPass: number,
): UsesReader {
  const graphs = new Map<string, Compiled<Pass>>();
  const passOf = (from: number, to: number): Pass =>
    function uses(all, inputs, cotangents): Raw {
      const [n, copies, O] = cotangents.shape;
      const own = Object.fromEntries(Object.entries(all).filter(([name]) => select(name)));
      const f = (moving: Params): tf.Tensor =>
        examples.apply({ ...all, ...moving }, inputs, { from, to, copies });
      const { uses } = exampleUses(f, own, tf.reshape(cotangents, [n * copies, O]));
      return byParameter(uses, all, n, copies);
    };
  const passFor = (from: number, to: number, passes: number): Pass => {
    if (passes * (examples.alike ? Math.ceil(examples.count / (to - from)) : 1) < GRAPH_FROM)
      return passOf(from, to);
    const key = examples.alike ? 'all' : `${from}-${to}`;
    if (!graphs.has(key)) graphs.set(key, compile(passOf(from, to), { name: 'uses' }));
    return graphs.get(key)!;
  };
  const run = (from: number, to: number, kFrom: number, kTo: number): Raw => {
    const copies = Math.max(1, Math.min(kTo - kFrom, Math.floor(rowsPerPass / (to - from))));
    const starts = runsOf(kFrom, kTo, copies);
    const pass = passFor(from, to, starts.length);
    const inputs = examples.inputs(from, to);
    const parts = starts.map(([k, end]) =>
      tf.tidy(() => {
        const missing = copies - (end - k); // all passes have one shape, and so one graph
        const rows = directions.rows(from, to, k, end);
        const full = missing === 0 ? rows : tf.pad(rows, [[0, 0], [0, missing], [0, 0]]); // prettier-ignore
        const raw = pass(params, inputs, full as tf.Tensor3D);
        return missing === 0 ? raw : firstDirections(raw, end - k);
      }),
    ) as Raw[];
    return {
      inputs: parts[0]!.inputs,
      cotangents: joined(parts.map(({ cotangents }) => cotangents), 1),
      formed: joined(parts.map(({ formed }) => formed), 1),
    }; // prettier-ignore
  };
  return {
    read: (nFrom, nTo, kFrom, kTo) =>
      tf.tidy(() => {
        const runs = runsOf(nFrom, nTo, rowsPerPass).map(([from, to]) => run(from, to, kFrom, kTo));
        return asUses(joinedRuns(runs), params) as never;
      }),
    dispose: () => graphs.forEach((graph) => graph.dispose()),
  };
}

/** Uses by parameter: rows of one kind behind one another; what is no matrix, or used in two ways, as gradients. */
function byParameter(uses: readonly ExampleUse[], params: Params, n: number, copies: number): Raw {
  const raw = { inputs: {}, cotangents: {}, formed: {} } as Record<
    keyof Raw,
    Record<string, tf.Tensor>
  >;
  for (const name of new Set(uses.map((use) => use.name))) {
    const own = uses.filter((use) => use.name === name);
    const [{ kind, layout }] = own as [ExampleUse];
    const alike = own.every((use) => use.kind === kind && use.layout === layout);
    if (alike && (kind === 'dense' || kind === 'embedding')) {
      const key = `${kind}|${layout}|${name}`;
      const rows = tf.concat(own.map(({ cotangent }) => cotangent), 1); // prettier-ignore
      const [, R, out] = rows.shape;
      raw.cotangents[key] = tf.reshape(rows, [n, copies, R!, out!]);
      raw.inputs[key] = firstCopy(tf.concat(own.map(({ input }) => input!), 1), n, copies); // prettier-ignore
    } else {
      const { size } = params[name]!;
      const sum = tf.addN(own.map((use) => gradientsByExample(use, size)));
      raw.formed[name] = tf.reshape(sum, [n, copies, size]);
    }
  }
  return raw;
}

/** Of `[n copies, ...]` the first copy of each: `[n, ...]`. */
const firstCopy = (x: tf.Tensor, n: number, copies: number): tf.Tensor => {
  const rest = x.shape.slice(1);
  const apart = tf.reshape(x, [n, copies, ...rest]);
  return tf.reshape(tf.slice(apart, [0, 0], [n, 1]), [n, ...rest]);
};

const firstDirections = ({ inputs, cotangents, formed }: Raw, count: number): Raw => {
  const cut = (x: tf.Tensor): tf.Tensor => tf.slice(x, [0, 0], [x.shape[0]!, count]);
  return { inputs, cotangents: mapParams(cotangents, cut), formed: mapParams(formed, cut) };
};

/** Parts behind one another; those of each are freed as soon as they are. */
const joined = (parts: readonly Params[], axis: number): Params => {
  if (parts.length === 1) return parts[0]!;
  return mapParams(parts[0]!, (_, name) => {
    const own = parts.map((part) => part[name]!);
    const whole = tf.concat(own, axis);
    tf.dispose(own);
    return whole;
  });
};

/** Runs of examples behind one another; shorter ones, of other paddings, get rows without a cotangent. */
function joinedRuns(runs: readonly Raw[]): Raw {
  if (runs.length === 1) return runs[0]!;
  const aligned = (part: 'inputs' | 'cotangents', axis: number): Params => {
    const records = runs.map((run) => run[part]);
    const longest = mapParams(
      records[0]!,
      (_, key) => Math.max(...records.map((record) => record[key]!.shape[axis]!)) as never,
    ) as unknown as Record<string, number>;
    return joined(
      records.map((record) => mapParams(record, (x, key) => padTo(x, longest[key]!, { axis }))),
      0,
    );
  };
  return {
    inputs: aligned('inputs', 1),
    cotangents: aligned('cotangents', 2),
    formed: joined(runs.map(({ formed }) => formed), 0),
  }; // prettier-ignore
}

/** Uses with their names, without the rows that no output depends on: positions behind the last one, say. */
function asUses({ inputs, cotangents, formed }: Raw, params: Params): BlockUses {
  const factored = Object.entries(cotangents).flatMap(([key, cotangent]): FactoredUse[] => {
    const [kind, layout, ...rest] = key.split('|') as [never, never, ...string[]];
    const name = rest.join('|');
    const width = params[name]!.size / cotangent.shape[3]!;
    const use = {
      name,
      kind,
      layout,
      width,
      input: inputs[key]!,
      cotangent: cotangent as tf.Tensor4D,
    };
    const live = liveRows(use);
    return live === undefined ? [] : [live];
  });
  return { factored, formed };
}

/** The rows with a cotangent in some direction, filled up with others where an example has fewer; nothing if none has. */
function liveRows(use: FactoredUse): FactoredUse | undefined {
  const { input, cotangent } = use;
  const [n, K, R, out] = cotangent.shape;
  const flags = tf.tidy(() => tf.max(tf.abs(cotangent), [1, 3]).dataSync()); // [n, R]
  const byExample = Array.from({ length: n }, (_, i) => {
    const rows = Array.from({ length: R }, (_, r) => r);
    const isLive = (r: number): boolean => flags[i * R + r] !== 0; // NaN is live
    return [...rows.filter(isLive), ...rows.filter((r) => !isLive(r))];
  });
  const most = Math.max(
    ...byExample.map((_, i) => flags.slice(i * R, (i + 1) * R).filter((flag) => flag !== 0).length),
  );
  if (most === 0) return undefined;
  if (most === R) return use;
  const taken = byExample.map((rows) => rows.slice(0, most));
  const pick = (x: tf.Tensor, indices: readonly number[]): tf.Tensor =>
    tf.gather(x, tf.tensor1d([...indices], 'int32'));
  const width = input.shape.slice(2);
  const picked = {
    input: pick(
      tf.reshape(input, [n * R, ...width]),
      taken.flatMap((rows, i) => rows.map((r) => i * R + r)),
    ),
    cotangent: pick(
      tf.reshape(cotangent, [n * K * R, out]),
      taken.flatMap((rows, i) =>
        Array.from({ length: K }, (_, k) => rows.map((r) => (i * K + k) * R + r)).flat(),
      ),
    ),
  };
  return {
    ...use,
    input: tf.reshape(picked.input, [n, most, ...width]),
    cotangent: tf.reshape(picked.cotangent, [n, K, most, out]),
  };
}
