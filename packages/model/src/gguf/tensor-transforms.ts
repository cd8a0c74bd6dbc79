import { type StoredTensor, sizeOf } from '../tensor-files/stored-tensor.js';

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
  ({ raw: _, ...tensor }: StoredTensor): StoredTensor => ({
    ...tensor,
    whole: true,
    read: async (into) => {
      await tensor.read(into);
      const [rows, width] = rowsOf(tensor.shape);
      const head = rows / heads;
      const turned = new Float32Array(head * width);
      for (let start = 0; start < into.length; start += turned.length) {
        turned.set(into.subarray(start, start + turned.length));
        for (let row = 0; row < head; row++) {
          const source = (row % (head / 2)) * 2 + Math.floor(row / (head / 2));
          into.set(turned.subarray(source * width, (source + 1) * width), start + row * width);
        }
      }
    },
  });

export function minusOne({ raw: _, ...tensor }: StoredTensor): StoredTensor {
  return {
    ...tensor,
    read: async (into, from) => {
      await tensor.read(into, from);
      for (let i = 0; i < into.length; i++) into[i]! -= 1;
    },
  };
}

/** Rows that are transposed at a time, so that little is held beside the matrix. */
const STRIP = 64;

export function transpose({ raw: _, ...tensor }: StoredTensor): StoredTensor {
  const [rows, columns] = rowsOf(tensor.shape);
  return {
    ...tensor,
    shape: [columns, rows],
    whole: true,
    read: async (into) => {
      const strip = new Float32Array(Math.min(STRIP, rows) * columns);
      for (let start = 0; start < rows; start += STRIP) {
        const count = Math.min(STRIP, rows - start);
        const numbers = strip.subarray(0, count * columns);
        await tensor.read(numbers, start * columns);
        for (let row = 0; row < count; row++) {
          for (let column = 0; column < columns; column++) {
            into[column * rows + start + row] = numbers[row * columns + column]!;
          }
        }
      }
    },
  };
}
