import type { StoredTensor } from '../checkpoint/stored.js';
import type { Numbers } from '../numbers/format.js';

/** The same tensor with other numbers, which are made when it is read. */
const mapped = (
  tensor: StoredTensor,
  shape: readonly number[],
  change: (numbers: Numbers) => Numbers,
): StoredTensor => ({ ...tensor, shape, read: async () => change(await tensor.read()) });

const rowsOf = (shape: readonly number[]): readonly [number, number] => {
  const rows = shape[0] ?? 1;
  return [rows, rows === 0 ? 0 : shape.reduce((product, n) => product * n, 1) / rows];
};

/**
 * Rows of a projection onto heads as transformers has them. Its rotary positions turn the numbers `i`
 * and `i + d / 2` of a head, those of llama.cpp `2 i` and `2 i + 1`, so its converter moved them.
 */
export const unpermuteHeads =
  (heads: number) =>
  (tensor: StoredTensor): StoredTensor =>
    mapped(tensor, tensor.shape, (numbers) => {
      const [rows, width] = rowsOf(tensor.shape);
      const head = rows / heads;
      const half = head / 2;
      const moved = new Float32Array(numbers.length);
      for (let row = 0; row < rows; row++) {
        const [start, i] = [row - (row % head), row % head];
        const from = start + (i % half) * 2 + Math.floor(i / half);
        moved.set(numbers.subarray(from * width, (from + 1) * width), row * width);
      }
      return moved;
    });

/** A matrix with rows and columns exchanged. */
export function transpose(tensor: StoredTensor): StoredTensor {
  const [rows, columns] = rowsOf(tensor.shape);
  return mapped(tensor, [columns, rows], (numbers) => {
    const turned = new Float32Array(numbers.length);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        turned[column * rows + row] = numbers[row * columns + column]!;
      }
    }
    return turned;
  });
}
