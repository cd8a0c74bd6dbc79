import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { adamw, applyUpdates, compile, compileWithState, valueAndGrad } from '@cfrl/engine';
import type { CompileOptions } from '@cfrl/engine';
import { copyRoom, copyToTensor, mapTensors } from '@cfrl/engine/node';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder = '';
let path = '';
const numbers = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i) * 10 ** (i % 5));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cfrl-map-'));
  path = join(folder, 'numbers');
  writeFileSync(path, new Uint8Array(numbers.buffer));
});
afterEach(() => rmSync(folder, { recursive: true }));

const native = (): boolean => tf.getBackend() === 'tensorflow';

describe('mapTensors', () => {
  const spans = [
    { begin: 0, shape: [4, 4] },
    { begin: 128, shape: [2, 2, 8] },
    { begin: 4, shape: [3] },
    { begin: 64, shape: [] },
    { begin: 64, shape: [0, 2] },
  ];

  it('gives the numbers of a file, where its memory can be used as it is', () => {
    const tensors = mapTensors(path, spans);
    if (!native()) return expect(tensors).toEqual(spans.map(() => undefined));
    expect(tensors.map((tensor) => tensor?.shape)).toEqual([
      [4, 4],
      [2, 2, 8],
      undefined,
      undefined,
      undefined,
    ]);
    expect(tensors[0]!.dataSync()).toEqual(numbers.slice(0, 16));
    expect(tensors[1]!.dataSync()).toEqual(numbers.slice(32, 64));
    tf.dispose(tensors as tf.Tensor[]);
  });

  it('outlives its file, and sees one that took its place', () => {
    if (!native()) return;
    const [before] = mapTensors(path, spans.slice(0, 1));
    rmSync(path);
    writeFileSync(path, new Uint8Array(numbers.map((number) => -number).buffer));
    const [after] = mapTensors(path, spans.slice(0, 1));
    expect(before!.dataSync()).toEqual(numbers.slice(0, 16));
    expect(after!.dataSync()).toEqual(numbers.slice(0, 16).map((number) => -number));
    tf.dispose([before!, after!]);
  });

  it('can be trained: what is in the file stays as it is', () => {
    if (!native()) return;
    const optimizer = adamw({ learningRate: 0.1 });
    const step = ({ params, moments }: Record<'params' | 'moments', Record<string, tf.Tensor>>) => {
      const { grads } = valueAndGrad(({ w }) => tf.sum(tf.square(w!)))(params);
      const { updates, state } = optimizer.update(grads, moments, params);
      return {
        state: { params: applyUpdates(params, updates), moments: { ...state } },
        output: tf.scalar(0),
      };
    };
    const train = (options: CompileOptions): void => {
      // The last tensor of the file that is left, held by nobody but the variables of a graph.
      const [w] = mapTensors(path, spans.slice(0, 1));
      const params: Record<string, tf.Tensor> = { w: w! };
      const moments: Record<string, tf.Tensor> = { ...optimizer.init(params) };
      const run = compileWithState({ params, moments }, step, options);
      const expected = step({ params, moments }).state.params['w']!.arraySync();
      run();
      tf.dispose([params, moments]);
      const state = run.state();
      expectClose(state.params['w']!.arraySync() as number[][], expected as number[][]);
      for (let i = 0; i < 3; i++) run();
      run.dispose();
    };
    for (const options of [{}, { xla: true }]) tf.tidy(() => train(options));
    expect(new Float32Array(new Uint8Array(readFileSync(path)).buffer)).toEqual(numbers);
  });

  it('is an input of graphs like any other tensor', () => {
    if (!native()) return;
    tf.tidy(() => {
      const [x] = mapTensors(path, spans);
      const double = compile((a: tf.Tensor) => tf.mul(a, 2));
      expect(double(x!).dataSync()).toEqual(numbers.slice(0, 16).map((number) => 2 * number));
      double.dispose();
    });
  });

  it('throws what the system says of a file that is not there', () => {
    if (!native()) return;
    expect(() => mapTensors(join(folder, 'none'), spans)).toThrow('ENOENT');
  });
});

describe('copyToTensor', () => {
  it('copies at once, whatever becomes of the numbers', () => {
    // From a hundred bytes to beyond what allocators take from the system by the page.
    for (const size of [1, 30, 1000, 300_000]) {
      for (const room of [copyRoom(size), new Float32Array(size)]) {
        room.forEach((_, i) => (room[i] = i % 97));
        const expected = room.slice();
        const tensor = copyToTensor(room, [size]);
        room.fill(-1);
        expect(tensor.dataSync()).toEqual(expected);
        tensor.dispose();
      }
    }
    const part = copyToTensor(copyRoom(10).subarray(0, 6), [2, 3]);
    expect(part.arraySync()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    part.dispose();
  });
});
