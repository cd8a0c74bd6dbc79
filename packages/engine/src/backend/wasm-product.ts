import { own } from './wasm-product.wasm.js';

/** What wasm-product.wat exports. Addresses and strides are in bytes. */
export interface ProductKernel {
  readonly pack: (
    to: number,
    from: number,
    vectors: number,
    inner: number,
    vectorStride: number,
    innerStride: number,
    width: number,
  ) => void;
  readonly multiply: (
    to: number,
    stride: number,
    left: number,
    right: number,
    rows: number,
    columns: number,
    inner: number,
    add: number,
    tile: number,
  ) => void;
}

/** A matrix in memory: where it begins, and how far apart rows and columns are. */
export interface Matrix {
  readonly at: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Sizes of what is packed at a time, so that it stays in the processor's caches. */
const ROWS = 256;
const COLUMNS = 128;
const INNER = 256;
const BYTES = 4;

/** Room that a product needs besides its matrices: packed rows, packed columns, one tile. */
export const productRoom = BYTES * (ROWS * INNER + COLUMNS * INNER + 32);

/** The module for a memory that threads share: its import, which begins at byte 33, says so, and how large that may grow. */
export const onSharedMemory = (module: Uint8Array): Uint8Array => {
  const part = (from: number, to?: number): Uint8Array => module.subarray(from, to);
  return Uint8Array.of(...part(0, 34), 18, ...part(35, 48), 3, 1, 0x80, 0x80, 4, ...part(50));
};

/**
 * The kernel on a memory, which other modules may share; `undefined` where there is no WebAssembly with vectors, or the
 * memory is of another kind.
 */
export function productKernel(memory: object): ProductKernel | undefined {
  const alone = Uint8Array.from(atob(own), (character) => character.charCodeAt(0));
  for (const bytes of [alone, onSharedMemory(alone)]) {
    try {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
        env: { memory },
      });
      return exports as ProductKernel;
    } catch {
      // The other kind of memory, or none.
    }
  }
  return undefined;
}

/**
 * One product, `[rows, columns]`, each entry summed up in the order of the inner index: it does not depend on how many
 * rows and columns there are.
 *
 * @param room - address of {@link productRoom} bytes, a multiple of 16
 */
export function multiplyInto(
  { pack, multiply }: ProductKernel,
  to: number,
  left: Matrix,
  right: Matrix,
  [rows, columns, inner]: readonly [number, number, number],
  room: number,
): void {
  const packedRight = room + BYTES * ROWS * INNER;
  const tile = packedRight + BYTES * COLUMNS * INNER;
  for (let k = 0; k < inner; k += INNER) {
    const depth = Math.min(INNER, inner - k);
    for (let i = 0; i < rows; i += ROWS) {
      const height = Math.min(ROWS, rows - i);
      const fromLeft = left.at + i * left.rowStride + k * left.columnStride;
      pack(room, fromLeft, height, depth, left.rowStride, left.columnStride, 4);
      for (let j = 0; j < columns; j += COLUMNS) {
        const width = Math.min(COLUMNS, columns - j);
        const fromRight = right.at + k * right.rowStride + j * right.columnStride;
        pack(packedRight, fromRight, width, depth, right.columnStride, right.rowStride, 8);
        const at = to + BYTES * (i * columns + j);
        const add = k === 0 ? 0 : 1;
        multiply(at, BYTES * columns, room, packedRight, height, width, depth, add, tile);
      }
    }
  }
}

/** What is used of it: there are no types of it without those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};
