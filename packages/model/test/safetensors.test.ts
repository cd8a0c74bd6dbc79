import { readFileSync } from 'node:fs';

import { decodeSafetensors, encodeSafetensors } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

type Header = Record<string, unknown>;

/** A file from a header and data, written here without the code under test. */
function file(header: Header | string, data: Uint8Array, claimed?: bigint): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  return Buffer.concat([length, json, data]);
}
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const floats = (...values: number[]): Uint8Array =>
  new Uint8Array(Float32Array.from(values).buffer);
const info = (dtype: string, shape: number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const tensorData = fc
  .record({
    shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
    dtype: fc.constantFrom('float32' as const, 'int32' as const),
    seed: fc.nat(),
  })
  .map(({ shape, dtype, seed }) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const value = (i: number): number =>
      dtype === 'int32'
        ? (seed ^ (i * 7919)) | 0
        : Math.fround(Math.sin(seed + i) * 10 ** (i % 30));
    return { shape, dtype, values: Array.from({ length: size }, (_, i) => value(i)) };
  });

describe('decodeSafetensors', () => {
  it('reads what encodeSafetensors wrote, bit for bit and in order', () => {
    const name = fc.string().filter((text) => text !== '__metadata__' && text !== '__proto__');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, tensorData), { selector: ([key]) => key, maxLength: 5 }),
        fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
        (entries, metadata) => {
          const record = Object.fromEntries(
            entries.map(([key, { shape, dtype, values }]) => [
              key,
              tf.tensor(values, shape, dtype),
            ]),
          );
          const encoded = encodeSafetensors(record, metadata);
          const decoded = decodeSafetensors(encoded);
          expect(decoded.metadata).toEqual(metadata);
          expect(Object.keys(decoded.tensors)).toEqual(Object.keys(record));
          for (const [key, { shape, dtype, values }] of entries) {
            const tensor = decoded.tensors[key]!;
            expect([tensor.shape, tensor.dtype]).toEqual([shape, dtype]);
            expect([...tensor.dataSync()]).toEqual(values);
          }
          expect(encodeSafetensors(decoded.tensors, metadata)).toEqual(encoded);
          tf.dispose([record, decoded.tensors as Record<string, tf.Tensor>]);
        },
      ),
    );
  });

  it('reads a file of the Python library, also as a Buffer and unaligned', () => {
    const buffer = readFileSync(new URL('fixtures/gpt2-tied.safetensors', import.meta.url));
    const shifted = new Uint8Array(buffer.length + 1);
    shifted.set(buffer, 1);
    const results = [buffer, new Uint8Array(buffer), shifted.subarray(1)].map(decodeSafetensors);
    for (const { tensors, metadata } of results) {
      expect(metadata['versions']).toContain('transformers');
      expect(tensors['left/tokens']!.dtype).toBe('int32');
      expect(tensors['left/mask']!.arraySync()).toEqual([
        [1, 1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 1, 1, 1],
        [0, 0, 1, 1, 1, 1, 1],
      ]);
      const { length } = Object.keys(tensors);
      expect(length).toBe(48);
      tf.dispose(tensors as Record<string, tf.Tensor>);
    }
  });

  it('reads half-precision numbers exactly', () => {
    const halves = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00, 0xfe00]);
    const brains = new Uint16Array([0x3f80, 0xc000, 0x7f80]);
    const data = Buffer.concat([new Uint8Array(halves.buffer), new Uint8Array(brains.buffer)]);
    const { tensors } = decodeSafetensors(
      file({ h: info('F16', [7], 0, 14), b: info('BF16', [3], 14, 20) }, data),
    );
    expect([...tensors['h']!.dataSync()]).toEqual([1, -2, 2 ** -24, 65504, -0, Infinity, NaN]);
    expect([...tensors['b']!.dataSync()]).toEqual([1, -2, Infinity]);
    tf.dispose(tensors as Record<string, tf.Tensor>);
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', bytes(), 'the file is empty'],
    ['a header beyond the end', file('{}', bytes(), 9n), 'header has 9 bytes, expected at most 2'],
    ['a header too long', file('{}', bytes(), 1n << 40n), 'expected at most 100000000'],
    ['no JSON', file('{"a', bytes()), 'header is not JSON in UTF-8'],
    [
      'no UTF-8',
      Buffer.concat([file('', bytes(), 2n), bytes(0xff, 0xff)]),
      'header is not JSON in UTF-8',
    ],
    ['an array', file('[]', bytes()), 'header is not an object'],
    [
      'metadata that is no text',
      file({ __metadata__: { a: 1 } }, bytes()),
      '__metadata__ has values',
    ],
    [
      'an unknown dtype',
      file({ w: info('F8_E4M3', [1], 0, 1) }, bytes(0)),
      `'w' has dtype "F8_E4M3", expected one of F32, I32, F16, BF16`,
    ],
    [
      'a dtype of Object',
      file({ w: info('toString', [1], 0, 1) }, bytes(0)),
      `'w' has dtype "toString"`,
    ],
    ['no entry', file({ w: null }, bytes()), `'w' has dtype undefined`],
    ['a negative size', file({ w: info('F32', [-1], 0, 4) }, floats(0)), `'w' has shape [-1]`],
    [
      'no offsets',
      file({ w: { dtype: 'F32', shape: [1] } }, floats(0)),
      `'w' has data_offsets undefined`,
    ],
    [
      'a span too short',
      file({ w: info('F32', [2], 0, 4) }, floats(0)),
      `'w' has data_offsets [0, 4], expected a span of 8 bytes`,
    ],
    [
      'a reversed span',
      file({ w: info('F32', [1], 4, 0) }, floats(0)),
      `'w' has data_offsets [4, 0]`,
    ],
    [
      'an overlap',
      file({ v: info('F32', [2], 0, 8), w: info('F32', [1], 4, 8) }, floats(0, 0)),
      `'w' begins at 4, expected 8; tensors overlap`,
    ],
    [
      'a gap',
      file({ v: info('F32', [1], 0, 4), w: info('F32', [1], 8, 12) }, floats(0, 0, 0)),
      `'w' begins at 8, expected 4; tensors leave a gap`,
    ],
    [
      'missing data',
      file({ w: info('F32', [2], 0, 8) }, floats(0)),
      'data has 4 bytes, expected 8; the file is truncated',
    ],
    [
      'data of nobody',
      file({ w: info('F32', [1], 0, 4) }, floats(0, 0)),
      'data has 8 bytes, expected 4; the file has bytes that no tensor owns',
    ],
  ])('refuses %s', (_, content, message) => {
    expect(() => decodeSafetensors(content)).toThrow(RangeError);
    expect(() => decodeSafetensors(content)).toThrow(message);
  });

  it('refuses every prefix of a file', () => {
    const w = tf.tensor1d([1, 2]);
    const whole = encodeSafetensors({ w });
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeSafetensors(whole.subarray(0, length))).toThrow('decodeSafetensors: ');
    }
    w.dispose();
  });
});

describe('encodeSafetensors', () => {
  it('aligns the data to 8 bytes', () => {
    tf.tidy(() => {
      for (const name of ['w', 'we', 'wei', 'weig', 'weigh', 'weight', 'weights', 'weightss']) {
        const encoded = encodeSafetensors({ [name]: tf.tensor1d([1]) });
        expect(new DataView(encoded.buffer).getUint32(0, true) % 8).toBe(0);
      }
    });
  });

  it('refuses what the format does not have', () => {
    tf.tidy(() => {
      expect(() => encodeSafetensors({ b: tf.tensor1d([true], 'bool') })).toThrow(
        "encodeSafetensors: 'b' is bool, expected float32 or int32",
      );
      expect(() => encodeSafetensors({ __metadata__: tf.scalar(1) })).toThrow(
        'expected another name',
      );
      expect(() => encodeSafetensors({}, { a: 1 } as never)).toThrow(
        'metadata.a is 1, expected a string',
      );
    });
  });
});
