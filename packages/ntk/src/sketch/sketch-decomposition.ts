import {
  type Params,
  type Resolved,
  between,
  checkInRange,
  checkPositiveInteger,
  checkSeed,
  compile,
  disposeParams,
  fold,
  option,
  resolveOptions,
  rng,
  selectParams,
  showNames,
  yieldToEventLoop,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

import { checkFiniteTensor, checkSelection } from '../check.js';
import { type SharedOptions, checkCallback, ending, groupings, shared } from '../options.js';
import {
  type Contexts,
  checkSequenceModel,
  resolveSequences,
  sequenceBatches,
  tokenBatch,
} from '../sequences/batches.js';
import type { Sequence, SequenceModel } from '../sequences/sequence-model.js';
import { checkUntied, classifierOf } from '../split-model.js';
import { knownParams } from '../uses/known-params.js';
import { type SketchedKernel, kernelSizes } from './estimate.js';
import { PROBES_A_GRAPH, gradientSketches } from './gradient-sketches.js';
import { drawProbes } from './probes.js';

/** How far {@link sketchDecomposition} is. */
export interface SketchProgress {
  /** Graphs that have run; the first ones take longer, since they are compiled. */
  readonly done: number;
  readonly total: number;
  /** Seconds that the rest will take, if it goes on as it went. */
  readonly secondsLeft: number;
}

/** Options of {@link sketchDecomposition}. */
export interface SketchOptions extends Pick<SharedOptions, 'select'> {
  /** Bytes that one pass may take, about; it bounds the sequences of a pass and changes no result beyond rounding. @defaultValue 2 ** 30 */
  readonly maxBytes?: number;
  /** The layer that a parameter belongs to. @defaultValue blocks by number, as `layerOfParam` says */
  readonly layerOf?: (name: string) => string;
  /** Random probes, at least 3: widths of intervals fall with the root of their number. @defaultValue 8 */
  readonly probes?: number;
  /**
   * Directions of the logits that are looked at exactly, the first ones of `W`: what they hold has no error of probes. As many as `W` is
   * wide leave nothing to chance. Without any, where one direction is most of `W`, intervals of norms want 32 probes: those of 8 hold the
   * norm in 82 of 100 cases. @defaultValue 4
   */
  readonly deflate?: number;
  /** Independent sketches of each gradient, at least 3. @defaultValue 8 */
  readonly sketches?: number;
  /** Side of one sketch: it has `sketchSize ** 2` numbers. @defaultValue 16 */
  readonly sketchSize?: number;
  /** Of probes and sketches; equal seeds give equal results. @defaultValue 0 */
  readonly seed?: number;
  /** The kind that a parameter belongs to. @defaultValue attention q, k, v, o, mlp, norm, embeddings, as `kindOfParam` says */
  readonly kindOf?: (name: string) => string;
  /** Stops the work; the promise is then rejected with its reason. */
  readonly signal?: AbortSignal;
  /** Called after each graph. */
  readonly onProgress?: (progress: SketchProgress) => void;
}

/** What {@link sketchDecomposition} finds. Sequences are numbered as they were given. */
export interface SketchedDecomposition {
  /** Exact, `[N][N]`: the kernel of features, and norm and trace of `R`, which is that times `I_V`. */
  readonly representation: Readonly<
    Record<'kernel' | 'norm' | 'trace', readonly (readonly number[])[]>
  >;
  /** `G`, of all parameters. */
  readonly gradient: SketchedKernel;
  /** `G` of the parameters of each layer. */
  readonly layers: Readonly<Record<string, SketchedKernel>>;
  /** `G` of the parameters of each kind. */
  readonly kinds: Readonly<Record<string, SketchedKernel>>;
  /** The cross term `C`, whose mirror image is `C'`; there exactly when the model is tied and its table is selected. */
  readonly cross?: SketchedKernel;
}

const WHERE = 'sketchDecomposition';

const atLeast =
  (least: number) =>
  (where: string, value: number): number => {
    if (!Number.isSafeInteger(value)) checkPositiveInteger(where, value);
    return checkInRange(where, value, least, Infinity);
  };

const table = {
  ...shared('select'),
  maxBytes: option(2 ** 30, between(1, Infinity)),
  ...groupings,
  probes: option(8, atLeast(3)),
  deflate: option(4, atLeast(0)),
  sketches: option(8, atLeast(3)),
  sketchSize: option(16, checkPositiveInteger),
  seed: option(0, checkSeed),
  onProgress: option<((progress: SketchProgress) => void) | undefined>(undefined, checkCallback),
  ...ending,
};

/**
 * Norms and traces of the kernel's components on a model of any size: `R` exactly, from the features; `G` by layer and parameter kind from
 * a few random directions, with 95 % intervals. It takes one backward pass a probe for all sequences of a batch, and forms no gradient of
 * a parameter that is larger than its sketch.
 *
 *     tr G(c, c') = sum_k u_k^T G u_k + E v^T G v,   ||G||_F^2 = sum of squares of u^T G u',   u^T G(c, c') u' = <J(c)^T u, J(c')^T u'>
 *
 * `u_k` are the first directions of `W` (exact), `v` random signs in what is orthogonal to them; the inner products are those of random
 * projections of gradients. Where there are several positions in a sequence, its output is the mean of their logits, so that its kernels
 * are means over pairs of positions; `{ tokens, positions: [last] }` looks at one context. The probes are shared by all pairs, so that
 * errors of different pairs go together; the means over pairs have intervals of their own.
 *
 * The sketches are held at once: `(probes + deflate) N sketches sketchSize^2` numbers for each matrix of the model.
 *
 * @param model - tied or untied, its logits linear in its features; borrowed
 * @param sequences - `N` sequences, each with the positions to look at
 * @returns plain numbers
 * @throws RangeError if the model's logits are capped, it says that it is not tied and is, it has a parameter in other places than
 *   `dense`, `embedding` and norms, the sequences do not fit it, `maxBytes` cannot hold one sequence, or results are not finite
 * @see Meyer et al. 2021 (Hutch++), https://arxiv.org/abs/2010.09649; Tomihari 2026, https://arxiv.org/abs/2601.04670
 *
 * @example
 * ```ts
 * import { embedding } from '@cfrl/engine';
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { table: tf.tensor2d([[1, 0], [0, 2]]), head: tf.tensor2d([[1, 0], [0, 1], [1, 1]]) },
 *   classifier: 'head',
 *   tied: false,
 *   linear: true,
 *   features: ({ table }, { tokens }) => embedding(table, tokens),
 *   logits: ({ head }, features) => tf.matMul(features, head, false, true),
 * };
 * // J_phi is the identity for the token's row: G(c, c') = W W^T of equal tokens, else 0; W has width 2, so nothing is left to chance.
 * const sequences = [{ tokens: [0] }, { tokens: [1] }];
 * const { representation, gradient } = await sketchDecomposition(model, sequences, { deflate: 2 });
 * [representation.trace, gradient.trace.value]; // => [[[3, 0], [0, 12]], [[4, 0], [0, 4]]]
 * ```
 */
export async function sketchDecomposition(
  model: SequenceModel,
  sequences: readonly Sequence[],
  options: SketchOptions = {},
): Promise<SketchedDecomposition> {
  const resolved = resolveOptions(WHERE, options, table);
  const { select, probes, deflate, sketches, sketchSize, seed, signal } = resolved;
  const W = checkLinear(model);
  checkSelection(WHERE, model.params, select);
  const contexts = resolveSequences(`${WHERE}: sequences`, model, sequences);
  const { names, batchSize } = await checkUses(model, contexts, resolved);

  const phi = await meanFeatures(model, contexts, batchSize, signal);
  const drawn = drawProbes(W, { deflate, random: probes }, rng(fold(seed, 'probes')));
  try {
    const representation = representationSizes(phi, W.shape[0], select(model.classifier));
    const shape = { blocks: sketches, size: sketchSize };
    const started = performance.now();
    const found = await gradientSketches(model, contexts, {
      ...{ directions: drawn.directions, names, shape, seed, batchSize, signal },
      done: (count, total) =>
        resolved.onProgress?.({
          done: count,
          total,
          secondsLeft: ((performance.now() - started) / 1000 / count) * (total - count),
        }),
    });
    try {
      const counts = { exact: drawn.exact, random: drawn.random, sequences: contexts.length };
      const sizesOf = (kernel: () => tf.Tensor): SketchedKernel => {
        const H = tf.tidy(() => checkFiniteTensor(`${WHERE}: the kernel`, kernel()) as tf.Tensor3D);
        try {
          return kernelSizes(H, counts);
        } finally {
          H.dispose();
        }
      };
      const sizesBy = async (groupOf: (name: string) => string) => {
        const all = Object.keys(found.byParam);
        const sizes: Record<string, SketchedKernel> = {};
        for (const group of new Set(all.map(groupOf))) {
          await yieldToEventLoop(signal);
          const own = all.filter((name) => groupOf(name) === group);
          sizes[group] = sizesOf(() => innerProducts(own.map((name) => found.byParam[name]!)));
        }
        return sizes;
      };
      const layers = await sizesBy(resolved.layerOf);
      const kinds = await sizesBy(resolved.kindOf);
      const whole = await sizesBy(() => 'all');
      const { embedded } = found;
      const cross =
        embedded !== undefined && select(model.classifier)
          ? sizesOf(() => crossProducts(phi, embedded))
          : undefined;
      return { representation, gradient: whole['all']!, layers, kinds, ...(cross && { cross }) };
    } finally {
      disposeParams(found.byParam);
      tf.dispose(found.embedded ?? []);
    }
  } finally {
    tf.dispose([phi, drawn.directions]);
  }
}

/** `W` of a model whose logits are `phi W^T`. */
function checkLinear(model: SequenceModel): tf.Tensor2D {
  checkSequenceModel(WHERE, model);
  if (!model.linear) {
    throw new RangeError(
      `${WHERE}: model.linear is ${String(model.linear)}, expected true; the kernel of capped logits does not split into R and G`,
    );
  }
  return classifierOf(WHERE, model as never);
}

/**
 * Which selected parameters reach the features, and how many sequences fit into a pass. Where a parameter is used once for all sequences
 * of a batch (embeddings of positions), batches are of one sequence.
 */
async function checkUses(
  model: SequenceModel,
  contexts: readonly Contexts[],
  { select, maxBytes }: Resolved<typeof table>,
): Promise<{ readonly names: readonly string[]; readonly batchSize: number }> {
  const { params, classifier, tied } = model;
  const fitting = sequencesWithin(model, contexts, maxBytes);
  const selected = selectParams(params, select);
  const unknown = async (count: number): Promise<readonly string[]> => {
    await yieldToEventLoop();
    const [batch] = sequenceBatches(contexts.slice(0, count), count);
    const tokens = tokenBatch(batch!);
    try {
      const f = (moving: Params): tf.Tensor => model.features({ ...params, ...moving }, tokens);
      checkFeatures(model, f, [batch!.sequences.length, batch!.time]);
      const known = knownParams(f, { ...selected, [classifier]: params[classifier]! });
      const rows = Array.from({ length: batch!.sequences.length * batch!.time }, (_, row) => row);
      const features = (all: Params): tf.Tensor2D =>
        tf.tidy(() => tf.reshape(f(all), [rows.length, -1]) as tf.Tensor2D);
      checkUntied(WHERE, { params, classifier, tied, features }, rows, rows.length);
      return Object.keys(selected).filter((name) => !known.has(name));
    } finally {
      tf.dispose([tokens.tokens, tokens.attentionMask]);
    }
  };
  const together = contexts.length > 1 && fitting > 1 ? await unknown(2) : await unknown(1);
  const apart = together.length > 0 && fitting > 1 ? await unknown(1) : together;
  if (apart.length > 0) {
    throw new RangeError(
      `${WHERE}: model uses ${showNames(apart)} in other ways than dense, embedding, rmsNorm and layerNorm of @cfrl/engine, expected ` +
        'these alone; leave it out by select, or use decompose',
    );
  }
  const names = Object.keys(selected).filter((name) => tied || name !== classifier);
  return { names, batchSize: together.length > 0 ? 1 : fitting };
}

/** Refuses features of another shape, and such that are not finite. */
function checkFeatures(
  { classifier, params }: SequenceModel,
  f: (moving: Params) => tf.Tensor,
  rows: readonly [number, number],
): void {
  tf.tidy(() => {
    const features = f({});
    const expected = [...rows, params[classifier]!.shape[1]!];
    if (!tf.util.arraysEqual(features.shape, expected)) {
      throw new RangeError(
        `${WHERE}: model.features has shape [${features.shape.join(', ')}], expected [${expected.join(', ')}] (sequences, tokens, the ` +
          `width of classifier '${classifier}')`,
      );
    }
    checkFiniteTensor(`${WHERE}: model.features`, features);
  });
}

/** Sequences in one pass: what goes into and comes out of each matrix is held once for all probes and once for each. */
function sequencesWithin(
  { params, classifier }: SequenceModel,
  contexts: readonly Contexts[],
  maxBytes: number,
): number {
  const V = params[classifier]!.shape[0];
  const perToken = Object.values(params)
    .filter(({ rank, shape }) => rank === 2 && shape[0] !== V)
    .reduce((sum, { shape }) => sum + 4 * (shape[0]! + shape[1]!), 0);
  const time = Math.max(...contexts.map(({ tokens }) => tokens.length));
  const bytes = Math.max(1, time * perToken * (1 + PROBES_A_GRAPH));
  if (maxBytes < bytes) {
    throw new RangeError(
      `${WHERE}: maxBytes is ${maxBytes}, expected at least ${bytes} (one sequence of ${time} tokens)`,
    );
  }
  return Math.min(contexts.length, Math.floor(maxBytes / bytes));
}

/** Features, a mean over the positions of each sequence: `[N, D]`. */
async function meanFeatures(
  model: SequenceModel,
  contexts: readonly Contexts[],
  batchSize: number,
  signal: AbortSignal | undefined,
): Promise<tf.Tensor2D> {
  const { params } = model;
  const features = compile(
    (tokens: tf.Tensor2D, attentionMask: tf.Tensor2D) =>
      model.features(params, { tokens, attentionMask }),
    { name: 'features' },
  );
  const rows: tf.Tensor[] = [];
  try {
    for (const batch of sequenceBatches(contexts, batchSize)) {
      await yieldToEventLoop(signal);
      rows.push(
        tf.tidy(() => {
          const { tokens, attentionMask } = tokenBatch(batch);
          const phi = tf.unstack(features(tokens, attentionMask));
          const means = batch.sequences.map(({ positions }, b) =>
            tf.mean(tf.gather(phi[b]!, tf.tensor1d([...positions], 'int32')), 0),
          );
          return tf.stack(means);
        }),
      );
    }
    return tf.tidy(() =>
      checkFiniteTensor(`${WHERE}: model.features`, tf.concat(rows)),
    ) as tf.Tensor2D;
  } finally {
    tf.dispose(rows);
    features.dispose();
  }
}

/** Kernel, norm and trace of `R = <phi, phi'> I_V`. */
function representationSizes(
  phi: tf.Tensor2D,
  V: number,
  selected: boolean,
): SketchedDecomposition['representation'] {
  const kernel = tf.tidy(
    () => tf.mul(tf.matMul(phi, phi, false, true), Number(selected)) as tf.Tensor2D,
  );
  const rows = kernel.arraySync();
  kernel.dispose();
  const map = (of: (x: number) => number): number[][] => rows.map((row) => row.map(of));
  return { kernel: rows, norm: map((x) => Math.abs(x) * Math.sqrt(V)), trace: map((x) => x * V) };
}

/** Inner products of sketches `[P, N, blocks, numbers]`, added up: `[blocks, P N, P N]`. */
function innerProducts(sketches: readonly tf.Tensor[]): tf.Tensor {
  return sketches.reduce(
    (sum: tf.Tensor, sketch) => {
      const next = tf.tidy(() => {
        const [P, N, blocks, numbers] = sketch.shape as [number, number, number, number];
        const rows = tf.transpose(tf.reshape(sketch, [P * N, blocks, numbers]), [1, 0, 2]);
        return tf.add(sum, tf.matMul(rows, rows, false, true));
      });
      sum.dispose();
      return next;
    },
    tf.zeros([1, 1, 1]),
  );
}

/** `u_i^T C(c, c') u_j = sum_t u_i[token_t] <phi(c), delta_t^j(c')>`: `[1, P N, P N]`. */
function crossProducts(phi: tf.Tensor2D, embedded: tf.Tensor4D): tf.Tensor {
  const [P, , N, D] = embedded.shape;
  const products = tf.matMul(phi, tf.reshape(embedded, [P * P * N, D]), false, true); // [N, P P N]
  const apart = tf.transpose(tf.reshape(products, [N, P, P, N]), [1, 0, 2, 3]);
  return tf.reshape(apart, [1, P * N, P * N]);
}
