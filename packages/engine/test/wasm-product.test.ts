import { watToBase64 } from '@cfrl/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  type Matrix,
  multiplyInto,
  onSharedMemory,
  productKernel,
  productRoom,
} from '../src/backend/wasm-product.js';

interface TestMemory {
  readonly buffer: ArrayBuffer;
}
declare const WebAssembly: {
  readonly Memory: new (limits: object) => TestMemory;
};

const pages = 64;
const memories: Readonly<Record<string, () => TestMemory>> = {
  own: () => new WebAssembly.Memory({ initial: pages }),
  shared: () => new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }),
};

describe.each(Object.entries(memories))('the product kernel on memory of its %s', (_, make) => {
  const memory = make();
  const kernel = productKernel(memory)!;
  const data = new Float32Array(memory.buffer);
  const room = 4 * data.length - 16 * Math.ceil(productRoom / 16);

  /** The product by the kernel, and by its definition in double precision. */
  function both(
    [rows, columns, inner]: readonly [number, number, number],
    transposeA: boolean,
    transposeB: boolean,
  ): { readonly actual: Float32Array; readonly expected: Float64Array } {
    const a: Matrix = transposeA
      ? { at: 16, rowStride: 4, columnStride: 4 * rows }
      : { at: 16, rowStride: 4 * inner, columnStride: 4 };
    const startB = 16 + 4 * rows * inner;
    const b: Matrix = transposeB
      ? { at: startB, rowStride: 4, columnStride: 4 * inner }
      : { at: startB, rowStride: 4 * columns, columnStride: 4 };
    const to = startB + 4 * inner * columns;
    data.fill(NaN);
    for (let i = 4; i < to / 4; i++) data[i] = Math.sin(i * 12.9898) * 3;
    multiplyInto(kernel, to, a, b, [rows, columns, inner], room);
    const entry = ({ at, rowStride, columnStride }: Matrix, i: number, j: number): number =>
      data[(at + i * rowStride + j * columnStride) / 4]!;
    const expected = Float64Array.from({ length: rows * columns }, (__, at) => {
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum += entry(a, Math.floor(at / columns), k) * entry(b, k, at % columns);
      }
      return sum;
    });
    // Nothing is written behind the result.
    expect(data[to / 4 + rows * columns]).toBeNaN();
    return { actual: data.slice(to / 4, to / 4 + rows * columns), expected };
  }

  const difference = ({ actual, expected }: ReturnType<typeof both>): number =>
    actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);

  it('equals the definition for sizes about those of tiles and blocks', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(127, 128, 129, 257));
    fc.assert(
      fc.property(size, size, size, fc.boolean(), fc.boolean(), (m, n, k, ta, tb) => {
        const product = both([m, n, k], ta, tb);
        expect(product.actual.some(Number.isNaN)).toBe(false);
        expect(difference(product)).toBeLessThan(1e-5 * k);
      }),
      { numRuns: 60 },
    );
  });

  it('has rows that do not depend on how many there are', () => {
    for (const inner of [3, 300]) {
      const { actual: whole } = both([9, 13, inner], false, true);
      const right: Matrix = { at: 16 + 4 * 9 * inner, rowStride: 4, columnStride: 4 * inner };
      const to = 16 + 4 * (9 * inner + 13 * inner) + 4096;
      for (let row = 0; row < 9; row++) {
        const left: Matrix = { at: 16 + 4 * row * inner, rowStride: 4 * inner, columnStride: 4 };
        multiplyInto(kernel, to, left, right, [1, 13, inner], room);
        expect(data.slice(to / 4, to / 4 + 13)).toEqual(whole.slice(row * 13, row * 13 + 13));
      }
    }
  });
});

/** The bytes that an expression of base64 stands for. */
const bytesOf = (expression: string): Uint8Array =>
  Uint8Array.from(Buffer.from(expression.replaceAll(/'( \+\s+)?/g, ''), 'base64'));

describe('wasm-product', () => {
  it('has the bytes of its source (vitest -u writes them anew)', async () => {
    const source = new URL('../src/backend/wasm-product.wat', import.meta.url);
    const own = await watToBase64(source);
    const shared = await watToBase64(source, (text) =>
      text.replace('(memory 1)', '(memory 1 65536 shared)'),
    );
    const about =
      '/** Made from wasm-product.wat by test/wasm-product.test.ts, for a memory that threads do not share. */';
    await expect(`${about}\nexport const own =\n  ${own};\n`).toMatchFileSnapshot(
      '../src/backend/wasm-product.wasm.ts',
    );
    expect(onSharedMemory(bytesOf(own))).toEqual(bytesOf(shared));
  });

  it('is not to be had on what is no memory', () => {
    expect(productKernel({})).toBeUndefined();
  });
});
