/* eslint no-restricted-properties: 'off' -- that Math.random is refused is what is tested */
import {
  type CompileEvent,
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  compile,
  rng,
  useBackend,
  valueAndGrad,
} from '@cfrl/engine';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { nativeBackend } from '../src/compile/binding.js';

/** Whether the backend of these tests runs graphs; elsewhere a compiled function is the function itself. */
const graphs = (): boolean => tf.getBackend() === 'tensorflow';

interface Counting {
  getNumOfSavedModels(): number;
  getNumOfTensors(): number;
}
const counts = (): Counting => nativeBackend().binding as unknown as Counting;

describe('compile', () => {
  it('gives what the function gives, in the same structure', () => {
    const f = compile(({ a, b }: { a: tf.Tensor; b: readonly tf.Tensor[] }, scale: number) => ({
      sum: tf.add(a, b[0]!),
      parts: [tf.mul(b[1]!, scale), { nested: tf.neg(a) }],
      plain: ['text', scale, null, undefined, true],
    }));
    for (const shift of [0, 1]) {
      tf.tidy(() => {
        const a = tf.tensor1d([1 + shift, 2]);
        const result = f({ a, b: [tf.tensor1d([10, 20]), tf.tensor1d([3, 4])] }, 2);
        expect(result.sum.arraySync()).toEqual([11 + shift, 22]);
        expect((result.parts[0] as tf.Tensor).arraySync()).toEqual([6, 8]);
        expect((result.parts[1] as { nested: tf.Tensor }).nested.arraySync()).toEqual([
          -1 - shift,
          -2,
        ]);
        expect(result.plain).toEqual(['text', 2, null, undefined, true]);
      });
    }
    f.dispose();
  });

  it('hands back arguments, constants and one tensor twice as tensors of their own', () => {
    const f = compile((x: tf.Tensor) => {
      const y = tf.add(x, 1);
      return [x, y, y, tf.scalar(7)];
    });
    tf.tidy(() => {
      const x = tf.tensor1d([1]);
      const results = f(x);
      expect(results.map((each) => each.arraySync())).toEqual([[1], [2], [2], 7]);
      if (graphs()) expect(new Set([x, ...results]).size).toBe(5);
    });
    f.dispose();
  });

  it('compiles a training step, gradient, clipping and optimiser, to the results of the step itself', () => {
    const optimizer = chain(clipByGlobalNorm(1), adamw({ learningRate: 0.05 }));
    const step = (
      params: Record<string, tf.Tensor>,
      state: Record<string, tf.Tensor>,
      x: tf.Tensor,
    ) => {
      const { value, grads } = valueAndGrad(({ w, b }) =>
        tf.mean(
          tf.square(
            tf.sub(tf.sigmoid(tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b!)), 0.3),
          ),
        ),
      )(params);
      const next = optimizer.update(grads, state, params);
      return { params: applyUpdates(params, next.updates), state: { ...next.state }, loss: value };
    };
    const f = compile(step);
    const results = [step, f].map(
      (run) =>
        tf.tidy(() => {
          let params: Record<string, tf.Tensor> = {
            w: tf.tensor2d([
              [0.5, -1],
              [2, 0.1],
            ]),
            b: tf.tensor1d([0.1, 0.2]),
          };
          let state: Record<string, tf.Tensor> = { ...optimizer.init(params) };
          const losses: number[] = [];
          for (let i = 0; i < 20; i++) {
            const next = run(
              params,
              state,
              tf.tensor2d([
                [1, 2],
                [3, i],
              ]),
            );
            ({ params, state } = { params: next.params, state: next.state });
            losses.push(next.loss.arraySync());
          }
          return { losses, w: params['w']!.arraySync() } as never as tf.TensorContainer;
        }) as never as { losses: number[]; w: number[][] },
    );
    expectClose(results[1]!.losses, results[0]!.losses);
    expectClose(results[1]!.w, results[0]!.w);
    f.dispose();
  });

  it('makes a graph for each structure, shape, type and plain value, and no other', () => {
    const events: CompileEvent[] = [];
    const f = compile((x: { a: tf.Tensor }, by: number) => tf.mul(x.a, by), {
      name: 'scaled',
      onCompile: (event) => events.push(event),
    });
    tf.tidy(() => {
      const call = (values: number[], by: number): unknown =>
        f({ a: tf.tensor1d(values) }, by).arraySync();
      expect(call([1, 2], 3)).toEqual([3, 6]);
      expect(call([5, 6], 3)).toEqual([15, 18]);
      expect(call([1, 2, 3], 3)).toEqual([3, 6, 9]);
      expect(call([1, 2], 4)).toEqual([4, 8]);
      expect(f({ a: tf.tensor1d([1, 2], 'int32') }, 3).arraySync()).toEqual([3, 6]);
      expect(call([7, 8], 4)).toEqual([28, 32]);
    });
    expect(events.map(({ name, key }) => [name, key])).toEqual(
      graphs()
        ? [
            ['scaled', '[{"a":float32[2]},3]'],
            ['scaled', '[{"a":float32[3]},3]'],
            ['scaled', '[{"a":float32[2]},4]'],
            ['scaled', '[{"a":int32[2]},3]'],
          ]
        : [],
    );
    f.dispose();
  });

  it('keeps only as many graphs as it may, the ones used last', () => {
    const compiled: string[] = [];
    const f = compile((x: tf.Tensor) => tf.add(x, 1), {
      maxGraphs: 2,
      onCompile: ({ key }) => compiled.push(key),
    });
    const before = graphs() ? counts().getNumOfSavedModels() : 0;
    tf.tidy(() => {
      for (const length of [1, 2, 1, 3, 1, 2]) {
        expect(f(tf.ones([length])).arraySync()).toEqual(new Array(length).fill(2));
      }
    });
    if (graphs()) {
      expect(compiled).toEqual(['[float32[1]]', '[float32[2]]', '[float32[3]]', '[float32[2]]']);
      expect(counts().getNumOfSavedModels()).toBe(before + 2);
    }
    f.dispose();
    if (graphs()) expect(counts().getNumOfSavedModels()).toBe(before);
  });

  it('gives equal bits at every call, the first one too', () => {
    const source = rng(3);
    const values = Float32Array.from({ length: 64 * 64 }, () => source.next() - 0.5);
    const f = compile((x: tf.Tensor2D) => tf.softmax(tf.matMul(tf.sigmoid(x), x, false, true)));
    tf.tidy(() => {
      const x = tf.tensor2d(values, [64, 64]);
      const first = f(x).dataSync();
      for (let i = 0; i < 5; i++) expect(f(x).dataSync()).toEqual(first);
    });
    f.dispose();
  });

  it('feeds what the function takes from outside, and says so when that is gone', () => {
    const outside = tf.tensor1d([10, 20]);
    const f = compile((x: tf.Tensor) => tf.add(x, outside), { name: 'shifted' });
    tf.tidy(() => {
      expect(f(tf.tensor1d([1, 2])).arraySync()).toEqual([11, 22]);
      outside.dispose();
      expect(() => f(tf.tensor1d([1, 2]))).toThrow(
        graphs()
          ? 'compile: shifted: a tensor that the function took from outside has been disposed, expected it to stay; pass it as an argument'
          : Error,
      );
    });
    f.dispose();
  });

  it('keeps large constants out of the graph, and frees them', () => {
    const large = Float32Array.from({ length: 40_000 }, (_, i) => i % 100);
    const before = graphs() ? counts().getNumOfTensors() : 0;
    const f = compile((x: tf.Tensor) => tf.add(x, tf.tensor1d(large)));
    tf.tidy(() => {
      for (let i = 0; i < 3; i++) expect(f(tf.scalar(i)).dataSync()[99]).toBe(99 + i);
    });
    f.dispose();
    if (graphs()) expect(counts().getNumOfTensors()).toBe(before);
  });

  it('is the function itself inside of another, and inside of a gradient', () => {
    const square = compile((x: tf.Tensor) => tf.square(x));
    const f = compile((x: tf.Tensor) => tf.sum(square(x)));
    tf.tidy(() => {
      expect(f(tf.tensor1d([3, 4])).arraySync()).toBe(25);
      expect(
        tf
          .grad((x) => f(x) as tf.Scalar)(tf.tensor1d([3, 4]))
          .arraySync(),
      ).toEqual([6, 8]);
    });
    square.dispose();
    f.dispose();
  });

  it('records without regard to values: indices and divisors that it computes', () => {
    const f = compile((x: tf.Tensor, ids: tf.Tensor) => {
      const shifted = tf.sub(ids, tf.scalar(5, 'int32'));
      const index = tf.maximum(shifted, tf.scalar(0, 'int32'));
      const left = tf.mod(tf.add(ids, tf.scalar(7, 'int32')), tf.add(index, tf.scalar(1, 'int32')));
      return [tf.gather(x, index as tf.Tensor1D), left, tf.floorDiv(ids, ids)];
    });
    tf.tidy(() => {
      const results = f(tf.tensor1d([10, 20, 30]), tf.tensor1d([3, 6, 7], 'int32'));
      expect(results.map((each) => each.arraySync())).toEqual([
        [10, 20, 30],
        [0, 1, 2],
        [1, 1, 1],
      ]);
    });
    f.dispose();
  });

  it('calls the function itself where that is asked for', () => {
    let calls = 0;
    const counting = (x: tf.Tensor): tf.Tensor => {
      calls += 1;
      return tf.mul(x, x.dataSync()[0]!);
    };
    const f = compile(counting, { eager: true });
    tf.tidy(() => {
      expect([f(tf.scalar(2)), f(tf.scalar(3))].map((y) => y.arraySync())).toEqual([4, 9]);
    });
    expect(calls).toBe(2);
    f.dispose();
  });

  it('refuses calls after dispose, and wrong options', () => {
    const f = compile((x: tf.Tensor) => tf.neg(x), { name: 'gone' });
    f.dispose();
    tf.tidy(() => {
      expect(() => f(tf.scalar(1))).toThrow('compile: gone has been disposed');
    });
    expect(() => compile(() => [], { maxGraphs: 0 })).toThrow(
      'compile: maxGraphs is 0, expected a positive integer',
    );
    expect(() => compile(() => [], { graphs: 3 } as object)).toThrow(
      'compile: options has "graphs"',
    );
  });

  it('refuses arguments and results that are neither tensors nor plain values, and says where', () => {
    const f = compile((x: unknown) => x, { name: 'same' });
    expect(() => f({ a: [new Map()] })).toThrow(
      'compile: same: arguments: value[0].a[0] is an instance of Map',
    );
    expect(() => f(() => 1)).toThrow('compile: same: arguments: value[0] is a function');
    const gone = tf.scalar(1);
    gone.dispose();
    expect(() => f(gone)).toThrow('compile: same: arguments: value[0] has been disposed');
    f.dispose();
  });

  it('refuses a function that answers later', () => {
    const f = compile(async (x: tf.Tensor) => tf.neg(x), { name: 'later' });
    tf.tidy(() => {
      expect(() => f(tf.scalar(1))).toThrow('compile: later is asynchronous');
    });
    f.dispose();
  });

  it('says the cost of compiling where it is asked to', () => {
    if (!graphs()) return;
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    vi.stubEnv('CFRL_LOG', 'compile');
    const f = compile((x: tf.Tensor) => tf.neg(x), { name: 'loud' });
    tf.tidy(() => {
      f(tf.scalar(1));
      f(tf.scalar(2));
    });
    f.dispose();
    expect(said.mock.calls).toEqual([
      [
        expect.stringMatching(
          /^compile: loud, graph 1: 2 operations, recorded in .* s, loaded in .* s, first run .* s; \[float32\[\]\]$/,
        ),
      ],
    ]);
    said.mockRestore();
    vi.unstubAllEnvs();
  });
});

describe('what cannot be a graph', () => {
  afterEach(async () => {
    await useBackend(undefined, { install: false });
  });

  const refused = (name: string, f: (x: tf.Tensor) => unknown, message: RegExp): void => {
    it(`${name} is refused, with the line, and leaves nothing behind`, () => {
      if (!graphs()) return;
      const [tensors, handles] = [tf.memory().numTensors, counts().getNumOfTensors()];
      const random = Math.random;
      const g = compile(f, { name: 'bad' });
      tf.tidy(() => {
        const x = tf.tensor1d([1, 2]);
        expect(() => g(x)).toThrow(message);
        // The backend is as it was.
        expect(tf.add(x, 1).dataSync()).toEqual(Float32Array.of(2, 3));
        expect(x.isDisposed).toBe(false);
      });
      g.dispose();
      expect(Math.random).toBe(random);
      expect(tf.memory().numTensors).toBe(tensors);
      expect(counts().getNumOfTensors()).toBe(handles);
    });
  };
  const here = 'compile\\.test\\.ts:\\d+';
  refused(
    'reading a value',
    (x) => tf.mul(x, tf.add(x, 1).dataSync()[0]!),
    new RegExp(`^compile: bad: the function reads a tensor's values at .*${here}, expected`),
  );
  refused(
    'reading an argument',
    (x) => tf.mul(x, x.dataSync()[0]!),
    new RegExp(`reads a tensor's values at .*${here}`),
  );
  refused('Math.random', (x) => tf.mul(x, Math.random()), new RegExp(`random number at .*${here}`));
  refused(
    'tf.randomUniform',
    (x) => tf.mul(x, tf.randomUniform([2])),
    new RegExp(`random number at .*${here}`),
  );
  refused(
    'an asynchronous body',
    async (x) => tf.mul(x, (await x.data())[0]!),
    /^compile: bad is asynchronous/,
  );
  refused(
    'a shape that depends on values',
    (x) =>
      (tf.backend() as unknown as { where(condition: tf.Tensor): tf.Tensor }).where(
        tf.greater(x, 1),
      ),
    new RegExp(`the shape of Where's result depends on values at .*${here}`),
  );

  it('tf.keep and disposing an argument are refused', () => {
    if (!graphs()) return;
    const kept: tf.Tensor[] = [];
    const keeping = compile((x: tf.Tensor) => {
      kept.push(tf.keep(tf.neg(x)));
      return x;
    });
    const disposing = compile((x: tf.Tensor) => {
      const y = tf.neg(x);
      x.dispose();
      return y;
    });
    const x = tf.scalar(1);
    expect(() => keeping(x)).toThrow('keeps 1 tensors beyond its end (tf.keep)');
    expect(() => disposing(x)).toThrow("disposes its argument's tensor 0");
    tf.dispose(kept);
    keeping.dispose();
    disposing.dispose();
  });
});

describe('ten thousand compiled calls', () => {
  it('leak neither tensors nor memory', () => {
    const f = compile((x: tf.Tensor2D) => ({ y: tf.softmax(tf.matMul(x, x)), x }));
    const x = tf.randomUniform<tf.Rank.R2>([32, 32], -1, 1, 'float32', 1);
    const calls = (count: number): void => {
      for (let i = 0; i < count; i++) tf.dispose(f(x));
    };
    calls(1000);
    const before = {
      tensors: tf.memory().numTensors,
      handles: graphs() ? counts().getNumOfTensors() : 0,
      rss: process.memoryUsage().rss,
    };
    calls(graphs() ? 10_000 : 100);
    expect(tf.memory().numTensors).toBe(before.tensors);
    if (graphs()) expect(counts().getNumOfTensors()).toBe(before.handles);
    // 8 kB a call would be 80 MB.
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(60e6);
    f.dispose();
    x.dispose();
  });
});
