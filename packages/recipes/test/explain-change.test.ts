import {
  type Params,
  cloneParams,
  disposeParams,
  mapParams,
  randomNormal,
  rng,
  vjp,
} from '@cfrl/engine';
import type { LanguageModel } from '@cfrl/model';
import {
  type ChangeExplanation,
  type Functional,
  type Sequence,
  confidenceFunctional,
  entropyFunctional,
  explainChange,
  logProbFunctional,
} from '@cfrl/ntk';
import { sequenceModel } from '@cfrl/recipes';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { tinyModel } from './support/model.js';

const sequences: readonly Sequence[] = [
  { tokens: [3, 1, 4, 1, 5], positions: [1, 2, 3] },
  { tokens: [2, 7], positions: [0] },
  { tokens: [6, 0, 8, 2, 9, 4, 1], positions: [0, 5] },
];

/** Every parameter moved at random. */
const moved = (params: Params, size: number, seed = 5): Params => {
  const source = rng(seed);
  return tf.tidy(() =>
    mapParams(params, (x) => tf.add(x, tf.mul(randomNormal(source, x.shape), size)) as tf.Tensor),
  );
};

/** The functional's mean by the definition: a forward pass a context, nothing padded. */
function meanOf(
  { features, logits, params }: ReturnType<typeof sequenceModel>,
  functional: Functional,
  moving: Params,
): tf.Tensor {
  const values = sequences.flatMap(({ tokens, positions }) =>
    positions!.map((position) => {
      const seen = tokens.slice(0, position + 1);
      const all = { ...params, ...moving };
      const phi = features(all, {
        tokens: tf.tensor2d([seen], undefined, 'int32'),
        attentionMask: tf.onesLike(tf.tensor2d([seen], undefined, 'int32')),
      });
      const last = tf.reshape(tf.slice(phi, [0, position, 0], [1, 1, -1]), [1, -1]) as tf.Tensor2D;
      return functional.values(
        logits(all, last),
        tf.tensor1d([tokens[position + 1] ?? -1], 'int32'),
      );
    }),
  );
  return tf.mean(tf.concat(values));
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);

async function explained(
  model: LanguageModel,
  size: number,
  functional: Functional,
  check: (
    explanation: ChangeExplanation,
    split: ReturnType<typeof sequenceModel>,
    after: Params,
  ) => void | Promise<void>,
): Promise<void> {
  const split = sequenceModel(model);
  const after = moved(model.params, size);
  try {
    const explanation = await explainChange(split, {}, after, sequences, functional);
    await check(explanation, split, after);
  } finally {
    split.dispose();
    disposeParams(after);
    disposeParams(model.params);
  }
}

const kinds = [
  ['llama', {}],
  ['llama', { tiedEmbeddings: true }],
  ['gpt2', { layers: 2 }],
  ['gpt2', { tiedEmbeddings: true }],
  ['qwen3', { layers: 2 }],
  ['gemma', { tiedEmbeddings: true }],
  ['gemma2', { logitSoftCap: 5 }],
  ['cohere', { logitScale: 0.3 }],
  ['gpt_neox', {}],
] as const;
const others = [logProbFunctional(), confidenceFunctional()];
/** Confidence has a kink wherever another token becomes the largest: a small change meets none. */
const sizeOf = ({ name }: Functional): number => (name === 'confidence' ? 0.002 : 0.03);

describe('explainChange', () => {
  it.each(kinds)(
    'explains the change of %s %o, every part by its gradients along the line',
    async (architecture, variation) => {
      const index = kinds.findIndex(([name, own]) => name === architecture && own === variation);
      for (const functional of [entropyFunctional(), others[index % 2]!]) {
        const model = tinyModel(3, { architecture, ...variation });
        await explained(model, sizeOf(functional), functional, (explanation, split, after) => {
          const {
            measured,
            explained: sumOfParts,
            residual,
            parts,
            table,
            byWay,
            byLayer,
            byKind,
          } = explanation;
          expect(explanation.converged).toBe(true);
          expect(Math.abs(residual)).toBeLessThanOrEqual(0.01 * Math.abs(measured));
          const views = [
            parts.map(({ change }) => change),
            ...[byWay, byLayer, byKind].map((view) => Object.values(view)),
          ];
          for (const view of views) expect(sum(view)).toBeCloseTo(sumOfParts, 9);
          const placed = sum(table.flatMap(({ change }) => change.flat()));
          const without = sum(
            parts
              .filter(({ param }) => explanation.unplaced.includes(param))
              .map(({ change }) => change),
          );
          expect(placed + without).toBeCloseTo(sumOfParts, 9);
          expect(sum(explanation.byPosition)).toBeCloseTo(placed, 9);
          expect(sum(explanation.bySequence)).toBeCloseTo(placed, 9);
          tf.tidy(() => {
            const [start, end] = [split.params, after].map(
              (p) => meanOf(split, functional, p).dataSync()[0]!,
            );
            expect(measured).toBeCloseTo(end! - start!, 5);
            // Eight-node Gauss-Legendre over ordinary gradients.
            const exact: Record<string, number> = {};
            for (const [x, w] of gauss8) {
              const at = mapParams(split.params, (p, name) =>
                tf.add(p, tf.mul(tf.sub(after[name]!, p), (1 + x) / 2)),
              );
              const { grads } = vjp((p) => meanOf(split, functional, p), at, tf.scalar(1));
              for (const name of Object.keys(grads)) {
                const slope = tf
                  .sum(tf.mul(grads[name]!, tf.sub(after[name]!, split.params[name]!)))
                  .dataSync()[0]!;
                exact[name] = (exact[name] ?? 0) + (w / 2) * slope;
              }
            }
            const largest = Math.max(...Object.values(exact).map(Math.abs));
            for (const [name, value] of Object.entries(exact)) {
              const own = sum(
                parts.filter(({ param }) => param === name).map(({ change }) => change),
              );
              expect(Math.abs(own - value), name).toBeLessThan(0.01 * largest);
            }
          });
        });
      }
    },
  );

  it('keeps both ways of a tied classifier apart, as the untied model has them', async () => {
    const tied = tinyModel(1, { tiedEmbeddings: true });
    await explained(tied, 0.05, entropyFunctional(), async ({ parts, byWay }, split, after) => {
      const embedding = split.params[split.classifier]!;
      const untied = {
        ...split,
        classifier: 'head',
        params: { ...split.params, head: tf.clone(embedding) },
        logits: (p: Params, phi: tf.Tensor2D) =>
          split.logits({ [split.classifier]: p['head']! }, phi),
      };
      const head = tf.clone(after[split.classifier]!);
      const apart = await explainChange(
        untied,
        {},
        { ...after, head },
        sequences,
        entropyFunctional(),
      );
      tf.dispose([untied.params.head, head]);
      expect(byWay.classifier).toBeCloseTo(apart.byWay.classifier, 6);
      expect(byWay.body).toBeCloseTo(apart.byWay.body, 6);
      expect(
        parts
          .filter(({ param }) => param === split.classifier)
          .map(({ way }) => way)
          .sort(),
      ).toEqual(['body', 'classifier']);
    });
  });

  it('gives a sequence what it has alone, and a position what a change of its token alone does', async () => {
    // Token 10 is token 4 by another id: a change of its row acts where it stands, and nowhere else.
    const model = tinyModel(2, { layers: 2 });
    const name = 'model.embed_tokens.weight';
    const table = model.params[name]!;
    const twin = tf.tidy(() => {
      const rows = tf.unstack(table);
      rows[10] = rows[4]!;
      return tf.stack(rows);
    });
    table.dispose();
    const twins = { ...model, params: { ...model.params, [name]: twin } };
    const split = sequenceModel(twins);
    const after = tf.tidy(() =>
      tf.add(
        twin,
        tf.mul(
          tf.oneHot(
            tf.tensor1d(
              Array.from({ length: twin.shape[0] }, () => 0),
              'int32',
            ),
            twin.shape[1]!,
          ),
          tf.reshape(tf.oneHot(10, twin.shape[0]), [-1, 1]),
        ),
      ),
    );
    const two = [
      { tokens: [4, 10, 4, 3], positions: [0, 2, 3] },
      { tokens: [10, 4], positions: [1] },
    ];
    const both = await explainChange(split, {}, { [name]: after }, two, entropyFunctional());
    const alone = await explainChange(split, {}, { [name]: after }, [two[1]!], entropyFunctional());
    const { change } = both.table[0]!;
    expect(change[0]!.map((x) => x !== 0)).toEqual([false, true, false, false]);
    expect(change[1]!.map((x) => x !== 0)).toEqual([true, false]);
    expect(both.bySequence[1]).toBeCloseTo(alone.explained / 4, 7);
    expect(both.contexts[0]!.before[0]).toBe(both.contexts[0]!.after[0]);
    tf.dispose(after);
    disposeParams(twins.params);
  });

  it('does not depend on batches beyond rounding, and says what it keeps', async () => {
    const model = tinyModel(4, { architecture: 'gpt2' });
    const split = sequenceModel(model);
    const after = moved(model.params, 0.05);
    const refinements: number[] = [];
    const passes: string[] = [];
    const one = await explainChange(split, {}, after, sequences, entropyFunctional(), {
      maxBytes: 1,
      onRefinement: ({ nodes }) => refinements.push(nodes),
      onProgress: ({ done, total }) => passes.push(`${done}/${total}`),
    });
    const all = await explainChange(split, {}, after, sequences, entropyFunctional());
    expect(passes[0]).toBe('0/6');
    expect(passes.at(-1)!.split('/')[0]).toBe(passes.at(-1)!.split('/')[1]);
    expect(refinements[0]).toBe(3);
    expect(one.bySequence.length).toBe(3);
    one.table.forEach(({ change }, l) =>
      change.forEach((row, s) =>
        row.forEach((value, t) => expect(value).toBeCloseTo(all.table[l]!.change[s]![t]!, 6)),
      ),
    );
    disposeParams(after);
    disposeParams(model.params);
  });

  it('places what the known operations do not see nowhere, and says so', async () => {
    const params: Params = { embedding: tf.tensor2d([[1], [2]]), head: tf.tensor2d([[1], [0.5]]) };
    const model = {
      params,
      classifier: 'head',
      tied: false,
      linear: true,
      features: (p: Params, { tokens }: { tokens: tf.Tensor2D }) =>
        tf.gather(p['embedding']!, tokens) as tf.Tensor3D,
      logits: (p: Params, phi: tf.Tensor2D) =>
        tf.matMul(phi, p['head']! as tf.Tensor2D, false, true) as tf.Tensor2D,
    };
    const after = moved(params, 0.3);
    const found = await explainChange(model, {}, after, [{ tokens: [0, 1] }], entropyFunctional());
    expect(found.unplaced.slice().sort()).toEqual(['embedding', 'head']);
    expect(Math.abs(found.residual)).toBeLessThan(0.01 * Math.abs(found.measured));
    expect(found.byWay.classifier).not.toBe(0);
    disposeParams(after);
    disposeParams(params);
  });

  it('refuses what cannot be explained before any pass', async () => {
    const model = tinyModel();
    const split = sequenceModel(model);
    const after = moved(model.params, 0.01);
    const same = cloneParams(model.params);
    const refuse = async (
      change: Params,
      list: readonly Sequence[],
      functional: Functional,
      words: string,
    ) => {
      const before = tf.memory().numTensors;
      await expect(explainChange(split, {}, change, list, functional)).rejects.toThrow(words);
      expect(tf.memory().numTensors).toBe(before);
    };
    const entropy = entropyFunctional();
    await refuse(same, sequences, entropy, 'are the same in every parameter');
    await refuse({ other: after['model.norm.weight']! }, sequences, entropy, "has 'other'");
    await refuse(
      { 'lm_head.weight': after['model.norm.weight']! },
      sequences,
      entropy,
      'has shape [8]',
    );
    await refuse(after, [], entropy, 'is empty');
    await refuse(after, [{ tokens: [99] }], entropy, 'sequences[0][0] is 99');
    await refuse(after, [{ tokens: [1, 2], positions: [1, 0] }], entropy, 'positions[1] is 0');
    await refuse(after, [{ tokens: [1, 2] }], logProbFunctional(), 'its last token');
    await refuse(
      after,
      sequences,
      { ...entropy, values: (z) => tf.log(tf.sub(tf.sum(z, 1), tf.sum(z, 1))) as tf.Tensor1D },
      'NaN or infinite',
    );
    await refuse(after, sequences, { ...entropy, values: 3 as never }, 'functional is an object');
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    const stopped = explainChange(split, {}, after, sequences, entropy, {
      signal: controller.signal,
    });
    await expect(stopped).rejects.toThrow('enough');
    [after, same, model.params].forEach((p) => disposeParams(p));
  });
});

const half = [
  [0.1834346424956498, 0.362683783378362],
  [0.525532409916329, 0.3137066458778873],
  [0.7966664774136267, 0.2223810344533745],
  [0.9602898564975363, 0.1012285362903763],
] as const;
const gauss8 = half.flatMap(
  ([x, w]) =>
    [
      [x, w],
      [-x, w],
    ] as const,
);
