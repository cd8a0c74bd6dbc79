import { fold, randomNormal, rng } from '@cfrl/engine';
import { type SketchProgress, decompose, sketchDecomposition } from '@cfrl/ntk';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type PairEstimates, kernelSizes, studentT95 } from '../src/sketch/estimate.js';
import { drawProbes } from '../src/sketch/probes.js';
import { drawProjections, sketchedGradients } from '../src/sketch/projection.js';
import { gradientsByExample } from '../src/uses/example-uses.js';
import { expectClose } from './support/close.js';
import { onContexts, tinySequenceModel } from './support/sequence-models.js';

const sequences = [
  { tokens: [0, 3, 1, 4], positions: [3] },
  { tokens: [2, 2, 5], positions: [0, 2] },
  { tokens: [1] },
];
/** As many exact directions as the model is wide, and every parameter smaller than its sketch. */
const exactly = { deflate: 99, sketches: 3 };
const tiny = { vocabulary: 6, width: 3, hidden: 4 };

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

describe('sketchDecomposition', () => {
  it.each([true, false])('is decompose where nothing is left to chance, tied %s', async (tied) => {
    const model = tinySequenceModel({ ...tiny, tied }, 1);
    const exact = decompose(onContexts(model), sequences);
    const found = await sketchDecomposition(model, sequences, exactly);
    expectClose(found.representation.kernel.flat(), exact.representationKernel);
    expectClose(found.representation.norm.flat(), exact.representationNorm);
    expectClose(found.representation.trace.flat(), exact.representationTrace);
    expectClose(found.gradient.trace.value.flat(), exact.gradientTrace);
    expectClose(found.gradient.norm.value.flat(), exact.gradientNorm, { relative: 1e-4 });
    expectClose(found.gradient.trace.low.flat(), found.gradient.trace.high.flat());
    expect(found.cross !== undefined).toBe(tied);
    if (found.cross && exact.cross) {
      expectClose(found.cross.trace.value.flat(), exact.cross.trace);
      // The direct way is not in the range of W: what is random is.
      const { low, high } = found.cross.norm;
      exact.cross.norm.dataSync().forEach((norm, pair) => {
        expect(low.flat()[pair]).toBeLessThan(norm);
        expect(high.flat()[pair]).toBeGreaterThan(norm);
      });
    }
  });

  it('gives each layer and kind what decompose gives its parameters, and the means over pairs', async () => {
    const model = tinySequenceModel(tiny, 2);
    const { layers, kinds, gradient } = await sketchDecomposition(model, sequences, exactly);
    const of = (select: (name: string) => boolean) =>
      decompose(onContexts(model), sequences, undefined, { select });
    const mlp = of((name) => name.includes('.mlp.'));
    const norm = of((name) => name.includes('.norm.'));
    const first = of((name) => name.includes('layers.0'));
    expectClose(kinds['mlp']!.trace.value.flat(), mlp.gradientTrace);
    expectClose(kinds['mlp']!.norm.value.flat(), mlp.gradientNorm, { relative: 1e-4 });
    expectClose(layers['final norm']!.trace.value.flat(), norm.gradientTrace);
    expectClose(layers['layers.0']!.norm.value.flat(), first.gradientNorm, { relative: 1e-4 });
    expect(Object.keys(layers).sort()).toEqual([
      ...['embeddings', 'final norm', 'layers.0', 'layers.1'],
    ]);
    const { value, self, others } = gradient.trace;
    const trace = value.reduce((sum, row, c) => sum + row[c]!, 0);
    const whole = value.flat().reduce((sum, x) => sum + x, 0);
    expectClose([self.value, others!.value], [trace / 3, (whole - trace) / 6]);
    const squares = gradient.norm.value.flat().map((x, pair) => (pair % 4 === 0 ? x ** 2 : 0));
    expectClose([gradient.norm.self.value ** 2], [squares.reduce((sum, x) => sum + x, 0) / 3]);
  });

  it('does not depend on the size of batches, and equal seeds give equal bits', async () => {
    const model = tinySequenceModel(tiny, 3);
    const options = { probes: 3, deflate: 1, sketches: 3, sketchSize: 1, seed: 5 };
    const whole = await sketchDecomposition(model, sequences, options);
    const again = await sketchDecomposition(model, sequences, options);
    const apart = await sketchDecomposition(model, sequences, { ...options, maxBytes: 1200 });
    const other = await sketchDecomposition(model, sequences, { ...options, seed: 6 });
    expect(again).toEqual(whole);
    expectClose(apart.gradient.trace.value.flat(), whole.gradient.trace.value.flat());
    expectClose(apart.gradient.norm.high.flat(), whole.gradient.norm.high.flat());
    expect(other.gradient.trace.value).not.toEqual(whole.gradient.trace.value);
  });

  it('is right on average where everything is left to chance', async () => {
    const model = tinySequenceModel({ ...tiny, tied: true }, 4);
    const exact = decompose(onContexts(model), sequences);
    const runs: Awaited<ReturnType<typeof sketchDecomposition>>[] = [];
    for (let seed = 0; seed < 24; seed++) {
      const options = { probes: 4, deflate: 0, sketches: 3, sketchSize: 1, seed };
      runs.push(await sketchDecomposition(model, sequences, options));
    }
    const check = (of: (run: (typeof runs)[0]) => number, truth: number) => {
      const values = runs.map(of);
      const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
      const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
      expect(Math.abs(mean - truth)).toBeLessThan(4 * Math.sqrt(variance / values.length));
    };
    const at = (tensor: tf.Tensor) => tensor.arraySync() as number[][];
    for (const [c, d] of [
      [0, 0],
      [0, 1],
      [2, 1],
    ] as const) {
      check((run) => run.gradient.trace.value[c]![d]!, at(exact.gradientTrace)[c]![d]!);
      check((run) => run.cross!.trace.value[c]![d]!, at(exact.cross!.trace)[c]![d]!);
    }
  });

  it('reports progress, stops by a signal, and frees what it made', async () => {
    const model = tinySequenceModel(tiny, 5);
    const reports: SketchProgress[] = [];
    const before = tf.memory().numTensors;
    const given = {
      probes: 5,
      deflate: 0,
      maxBytes: 1200,
      onProgress: (p: SketchProgress) => void reports.push(p),
    };
    await sketchDecomposition(model, sequences, given);
    expect(reports.map(({ done, total }) => [done, total])).toEqual(
      [1, 2, 3, 4, 5, 6].map((done) => [done, 6]),
    );
    expect(reports.at(-1)!.secondsLeft).toBe(0);
    const stop = new AbortController();
    const stopped = sketchDecomposition(model, sequences, {
      ...{ ...given, signal: stop.signal },
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('takes a parameter that is used once for all sequences, and refuses one that is used otherwise', async () => {
    const model = tinySequenceModel(tiny, 6);
    const shift = { shift: randomNormal(rng(0), [3]) };
    const other = {
      ...model,
      params: { ...model.params, ...shift },
      features: (params: typeof model.params, batch: Parameters<typeof model.features>[1]) =>
        tf.add(
          model.features(params, batch),
          tf.mul(params['shift']!, params['shift']!),
        ) as tf.Tensor3D,
    };
    await expect(sketchDecomposition(other, sequences)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RangeError: sketchDecomposition: model uses shift in other ways than dense, embedding, rmsNorm and layerNorm of @cfrl/engine, expected these alone; leave it out by select, or use decompose]`,
    );
    const select = (name: string) => name !== 'shift';
    const some = await sketchDecomposition(other, sequences, { ...exactly, select });
    const exact = decompose(onContexts(other), sequences, undefined, { select });
    expectClose(some.gradient.trace.value.flat(), exact.gradientTrace);
  });

  it('rejects bad arguments', async () => {
    const model = tinySequenceModel(tiny, 7);
    const tied = tinySequenceModel({ ...tiny, tied: true }, 7);
    const call = async (...given: Parameters<typeof sketchDecomposition>) =>
      expect(await sketchDecomposition(...given).catch(String));
    (await call({ ...model, linear: false }, sequences)).toMatchInlineSnapshot(
      `"RangeError: sketchDecomposition: model.linear is false, expected true; the kernel of capped logits does not split into R and G"`,
    );
    (await call({ ...model, classifier: 'head' }, sequences)).toMatchInlineSnapshot(
      `"RangeError: sketchDecomposition: model.classifier is 'head', expected one of model.embed_tokens.weight, model.layers.0.mlp.up_proj.weight, model.layers.0.mlp.up_proj.bias, model.layers.1.mlp.down_proj.weight, model.norm.weight, lm_head.weight"`,
    );
    (await call({ ...tied, tied: false }, sequences)).toMatchInlineSnapshot(
      `"RangeError: sketchDecomposition: model.tied is false, but the features depend on 'model.embed_tokens.weight'; set tied to true, or untie the model"`,
    );
    (await call(model, [])).toMatchInlineSnapshot(
      `"RangeError: sketchDecomposition: sequences is empty, expected at least one entry"`,
    );
    (await call(model, [{ tokens: [0], positions: [1] }])).toMatchInlineSnapshot(
      `"RangeError: sketchDecomposition: sequences[0].positions[0] is 1, expected an ascending index in [0, 1)"`,
    );
    (await call(model, sequences, { probes: 2 })).toMatchInlineSnapshot(
      `"RangeError: sketchDecomposition: probes is 2, expected a number >= 3"`,
    );
    (await call(model, sequences, { deflate: -1 })).toMatchInlineSnapshot(
      `"RangeError: sketchDecomposition: deflate is -1, expected a number >= 0"`,
    );
    (await call(model, sequences, { maxBytes: 10 })).toMatchInlineSnapshot(
      `"RangeError: sketchDecomposition: maxBytes is 10, expected at least 1120 (one sequence of 4 tokens)"`,
    );
    (await call(model, sequences, { select: () => false })).toMatch(/^RangeError/);
  });
});

/**
 * Two examples with one dense layer, whose exact kernel is written out: the gradient along `u` is `sum_r a_r (B_r W^T u)^T`.
 * Estimates of many seeds, by the functions that the estimator is made of.
 */
function intervals(seed: number, deflate: number, projected: boolean, random: number) {
  const [N, R, IN, OUT, D, V] = [2, 3, 12, 10, 12, 40];
  const source = rng(fold(seed % 8, 'case'));
  // A common offset, as the heads of language models have it.
  const W = tf.add(randomNormal(source, [V, D]), randomNormal(source, [1, D])) as tf.Tensor2D;
  const inputs = randomNormal(source, [N, R, IN]) as tf.Tensor3D;
  const B = randomNormal(source, [N * R, OUT, D]) as tf.Tensor3D;
  const use = (directions: tf.Tensor2D, i: number) => {
    const g = tf.matMul(tf.slice(directions, i, 1), W);
    const rows = tf.sum(tf.mul(B, tf.reshape(g, [1, 1, D])), 2);
    const cotangent = tf.reshape(rows, [N, R, OUT]) as tf.Tensor3D;
    return {
      name: 'M',
      kind: 'dense' as const,
      layout: 'in-out' as const,
      input: inputs,
      cotangent,
    };
  };
  const rowsOf = (directions: tf.Tensor2D): tf.Tensor =>
    tf.stack(
      Array.from({ length: directions.shape[0] }, (_, i) =>
        gradientsByExample(use(directions, i), IN * OUT),
      ),
    ); // [P, N, IN OUT]
  const logits = tf.reshape(rowsOf(tf.eye(V)), [V * N, IN * OUT]) as tf.Tensor2D;
  const G = tf.reshape(tf.matMul(logits, logits, false, true), [V, N, V, N]);
  const own = tf.mul(G, tf.reshape(tf.eye(V), [V, 1, V, 1]));
  const trace = tf.sum(own, [0, 2]).arraySync() as number[][];
  const norm = tf.sqrt(tf.sum(tf.square(G), [0, 2])).arraySync() as number[][];

  const drawn = drawProbes(W, { deflate, random }, rng(fold(seed, 'probes')));
  const P = drawn.exact + drawn.random;
  const shape = { blocks: 8, size: projected ? 3 : 99 };
  const parameter = tf.zeros([IN, OUT]);
  const projections = drawProjections({ M: parameter }, shape, () => rng(fold(seed, 'projection')));
  expect('M' in projections).toBe(projected);
  const sketches = tf.stack(
    Array.from({ length: P }, (_, i) =>
      sketchedGradients(use(drawn.directions, i), parameter, shape, projections['M']),
    ),
  ); // [P, N, blocks, numbers]
  const [, , blocks, numbers] = sketches.shape as [number, number, number, number];
  const rows = tf.transpose(tf.reshape(sketches, [P * N, blocks, numbers]), [1, 0, 2]);
  const H = tf.matMul(rows, rows, false, true) as tf.Tensor3D;
  return { found: kernelSizes(H, { ...drawn, sequences: N }), trace, norm };
}

describe('intervals of sketches', () => {
  const cases = [
    { deflate: 0, projected: false, random: 32 },
    { deflate: 2, projected: false, random: 8 },
    { deflate: 4, projected: true, random: 8 },
  ];
  it.each(cases)(
    'hold the exact value in 90 to 99 of 100 seeds: %o',
    ({ deflate, projected, random }) => {
      const held: Record<string, number> = {};
      const ratios: Record<string, number[]> = {};
      const seeds = 200;
      for (let seed = 0; seed < seeds; seed++) {
        tf.tidy(() => {
          const { found, trace, norm } = intervals(seed, deflate, projected, random);
          const look = (
            name: string,
            { value, low, high }: PairEstimates,
            exact: number[][],
            power: number,
          ) => {
            for (const [c, d] of [
              [0, 0],
              [0, 1],
            ] as const) {
              const key = `${name} ${c}${d}`;
              const holds = low[c]![d]! <= exact[c]![d]! && exact[c]![d]! <= high[c]![d]!;
              held[key] = (held[key] ?? 0) + Number(holds) / seeds;
              (ratios[key] ??= []).push((value[c]![d]! / exact[c]![d]!) ** power);
            }
          };
          look('trace', found.trace, trace, 1);
          look('norm', found.norm, norm, 2);
        });
      }
      // Of a sequence with itself, whose squares never come out below 0.
      for (const key of ['trace 00', 'norm 00']) {
        const values = ratios[key]!;
        const mean = values.reduce((sum, x) => sum + x, 0) / seeds;
        const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (seeds - 1);
        expect(Math.abs(mean - 1)).toBeLessThan(4 * Math.sqrt(variance / seeds));
      }
      for (const share of Object.values(held)) {
        expect(share).toBeGreaterThanOrEqual(0.9);
        expect(share).toBeLessThanOrEqual(0.99);
      }
    },
  );

  it("Student's t is that of tables", () => {
    const table = { 3: 3.182446, 7: 2.364624, 15: 2.13145, 100: 1.983972 };
    for (const [degrees, t] of Object.entries(table))
      expect(studentT95(Number(degrees)) / t).toBeCloseTo(1, Number(degrees) < 5 ? 2 : 4);
  });
});
