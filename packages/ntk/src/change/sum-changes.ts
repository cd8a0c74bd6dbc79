import type { ChangeExplanation, ChangePart } from './explanation.js';

const added = <K extends string>(
  records: readonly Readonly<Record<K, number>>[],
): Record<K, number> => {
  const sum = {} as Record<K, number>;
  for (const record of records) {
    for (const [name, value] of Object.entries(record) as [K, number][])
      sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
};

const addedRows = (lists: readonly (readonly number[])[]): number[] =>
  lists[0]!.map((_, i) => lists.reduce((sum, list) => sum + list[i]!, 0));

/** Whether every number in it is finite. */
const isFinite = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).every(isFinite)
    : typeof value !== 'number' || Number.isFinite(value);

/**
 * What happened along a run: explanations from each checkpoint to the next, on the same contexts, summed. The parts are those of the path
 * through the checkpoints, where {@link explainChange} between the first and the last alone has those of the straight line; both sum to
 * the same measured change.
 *
 * @param explanations - in the order of the run, each of the same functional on the same sequences
 * @returns one explanation: `before` of the first, `after` of the last, everything else summed; `nodes` and `uncertainty` too
 * @throws RangeError if there is none, or they are of different functionals or contexts, or one does not begin where the one before it ends
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * const model = {
 *   params: { embedding: tf.tensor2d([[1]]), head: tf.tensor2d([[1], [0]]) },
 *   classifier: 'head', tied: false, linear: true,
 *   features: ({ embedding }, { tokens }) => tf.gather(embedding, tokens),
 *   logits: ({ head }, features) => tf.matMul(features, head, false, true),
 * };
 * const middle = { head: tf.tensor2d([[2], [0]]) };
 * const end = { ...middle, embedding: tf.tensor2d([[2]]) };
 * const logOdds = { name: 'log odds', unit: 'nats', ofNextToken: false, values: (logits) => tf.sum(tf.mul(logits, [1, -1]), 1) };
 * const first = await explainChange(model, {}, middle, [{ tokens: [0] }], logOdds);
 * const second = await explainChange(model, middle, end, [{ tokens: [0] }], logOdds);
 * // The straight line gives 1.5 to either; on this path the classifier moved first, and had the smaller feature.
 * const { measured, byWay } = sumChanges([first, second]);
 * [measured, byWay.classifier, byWay.body]; // => [3, 1, 2]
 * ```
 */
export function sumChanges(explanations: readonly ChangeExplanation[]): ChangeExplanation {
  if (!Array.isArray(explanations) || explanations.length === 0) {
    throw new RangeError(
      'sumChanges: explanations is empty, expected those from each checkpoint to the next',
    );
  }
  const all = explanations as readonly ChangeExplanation[];
  const [first, last] = [all[0]!, all.at(-1)!];
  const shape = ({
    functional,
    contexts,
    bySequence,
    byPosition,
    table,
  }: ChangeExplanation): string =>
    JSON.stringify([
      functional,
      contexts.map(({ positions }) => positions),
      bySequence.length,
      byPosition.length,
      table[0]?.change.map((row) => row.length),
    ]);
  all.forEach((each, i) => {
    if (!isFinite(each)) {
      throw new RangeError(
        `sumChanges: explanations[${i}] has NaN or infinite entries, expected finite numbers`,
      );
    }
    if (shape(each) !== shape(first)) {
      throw new RangeError(
        `sumChanges: explanations[${i}] is of another functional or other contexts than explanations[0], expected the same; give explainChange the same sequences`,
      );
    }
    const before = all[i - 1];
    if (
      before !== undefined &&
      Math.abs(before.after - each.before) > 1e-4 * (1 + Math.abs(each.before))
    ) {
      throw new RangeError(
        `sumChanges: explanations[${i}] begins at ${each.before}, expected ${before.after}, where the one before it ends; order them as the run`,
      );
    }
  });
  const total = (of: (explanation: ChangeExplanation) => number): number =>
    all.reduce((sum, each) => sum + of(each), 0);
  const parts = new Map<string, ChangePart>();
  for (const part of all.flatMap((each) => each.parts)) {
    const key = `${part.param}|${part.way}`;
    parts.set(key, { ...part, change: part.change + (parts.get(key)?.change ?? 0) });
  }
  const layers = new Map<string, ChangeExplanation['table'][number]>();
  for (const placed of all.flatMap((each) => each.table)) {
    const key = `${placed.layer}|${placed.way}`;
    const known = layers.get(key);
    const change = known
      ? placed.change.map((row, s) => addedRows([row, known.change[s]!]))
      : placed.change;
    layers.set(key, { ...placed, change });
  }
  const measured = total((each) => each.measured);
  const explained = total((each) => each.explained);
  return {
    functional: first.functional,
    unit: first.unit,
    before: first.before,
    after: last.after,
    measured,
    explained,
    residual: measured - explained,
    nodes: total((each) => each.nodes),
    uncertainty: total((each) => each.uncertainty),
    converged: all.every((each) => each.converged),
    parts: [...parts.values()].sort((a, b) => Math.abs(b.change) - Math.abs(a.change)),
    byWay: added(all.map((each) => each.byWay)),
    byLayer: added(all.map((each) => each.byLayer)),
    byKind: added(all.map((each) => each.byKind)),
    table: [...layers.values()],
    bySequence: addedRows(all.map((each) => each.bySequence)),
    byPosition: addedRows(all.map((each) => each.byPosition)),
    unplaced: [...new Set(all.flatMap((each) => each.unplaced))],
    contexts: first.contexts.map((context, i) => ({ ...context, after: last.contexts[i]!.after })),
  };
}
