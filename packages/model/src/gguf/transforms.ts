import { type StoredTensor, sizeOf } from '../checkpoint/stored.js';
import type { Numbers } from '../numbers/format.js';

/** The same tensor with its numbers elsewhere, moved when it is read. */
const moved = (
  { name, kind, ...tensor }: StoredTensor,
  shape: readonly number[],
  move: (from: Numbers, to: Numbers) => void,
): StoredTensor => ({
  name,
  kind,
  shape,
  read: async (into) => {
    const numbers = new Float32Array(into.length);
    await tensor.read(numbers);
    move(numbers, into);
  },
});

const rowsOf = (shape: readonly number[]): readonly [number, number] => {
  const rows = shape[0] ?? 1;
  return [rows, rows === 0 ? 0 : sizeOf(shape) / rows];
};

/**
 * Rows of a projection onto heads as transformers has them. Its rotary positions turn the numbers `i`
 * and `i + d / 2` of a head, those of llama.cpp `2 i` and `2 i + 1`, so its converter moved them.
 */
export const unpermuteHeads =
  (heads: number) =>
  (tensor: StoredTensor): StoredTensor =>
    moved(tensor, tensor.shape, (from, to) => {
      const [rows, width] = rowsOf(tensor.shape);
      const head = rows / heads;
      const half = head / 2;
      for (let row = 0; row < rows; row++) {
        const [start, i] = [row - (row % head), row % head];
        const source = start + (i % half) * 2 + Math.floor(i / half);
        to.set(from.subarray(source * width, (source + 1) * width), row * width);
      }
    });

/** A matrix with rows and columns exchanged. */
export function transpose(tensor: StoredTensor): StoredTensor {
  const [rows, columns] = rowsOf(tensor.shape);
  return moved(tensor, [columns, rows], (from, to) => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        to[column * rows + row] = from[row * columns + column]!;
      }
    }
  });
}
