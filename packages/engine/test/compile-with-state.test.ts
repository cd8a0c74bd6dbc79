import { adamw, applyUpdates, compileWithState, valueAndGrad } from '@cfrl/engine';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

type State = Record<string, tf.Tensor>;

const optimizer = adamw({ learningRate: 0.1 });
const step = ({ params, moments }: { params: State; moments: State }, x: tf.Tensor) => {
  const { value, grads } = valueAndGrad(({ w }) => tf.mean(tf.square(tf.sub(tf.mul(w!, x), 1))))(
    params,
  );
  const { updates, state } = optimizer.update(grads, moments, params);
  return {
    state: { params: applyUpdates(params, updates), moments: { ...state } },
    output: { loss: value },
  };
};
const initial = (): { params: State; moments: State } => {
  const params = { w: tf.tensor1d([1, 2, 3]) };
  return { params, moments: { ...optimizer.init(params) } };
};
const batches = [[1, 2, 3], [0.5], [2, 1, 0], [0.1], [0.2]].map((values) =>
  Float32Array.from(values),
);

describe('compileWithState', () => {
  it('goes the way of the step itself, for arguments of alternating shapes', () => {
    tf.tidy(() => {
      let state = initial();
      const compiled = compileWithState(state, step);
      for (const batch of batches) {
        const x = tf.tensor1d(batch);
        const expected = step(state, x);
        state = expected.state;
        expectClose(compiled(x).loss.arraySync(), expected.output.loss.arraySync());
      }
      const last = compiled.state();
      expectClose(last.params['w']!.arraySync(), state.params['w']!.arraySync());
      expect(last.moments['step']!.arraySync()).toBe(batches.length);
      compiled.dispose();
    });
  });

  it('does not touch the first state, and gives each reader its own', () => {
    tf.tidy(() => {
      const state = initial();
      const compiled = compileWithState(state, step);
      expect(compiled.state().params['w']!.arraySync()).toEqual([1, 2, 3]);
      compiled(tf.scalar(0.5));
      const read = compiled.state();
      const values = read.params['w']!.arraySync();
      compiled(tf.scalar(0.5));
      expect(read.params['w']!.arraySync()).toEqual(values);
      expect(compiled.state().params['w']!.arraySync()).not.toEqual(values);
      expect(state.params['w']!.arraySync()).toEqual([1, 2, 3]);
      tf.dispose([state.params, state.moments]);
      compiled(tf.scalar(0.5));
      compiled.dispose();
    });
  });

  it('takes another state, and goes on from it to the same bits', () => {
    tf.tidy(() => {
      const compiled = compileWithState(initial(), step);
      const run = (): number[] =>
        batches.map((batch) => compiled(tf.tensor1d(batch)).loss.dataSync()[0]!);
      compiled(tf.scalar(0.5));
      const start = compiled.state();
      const first = run();
      compiled.setState(start);
      expect(run()).toEqual(first);
      compiled.dispose();
    });
  });

  it('keeps the state when its graph goes', () => {
    tf.tidy(() => {
      const count = compileWithState(
        { n: tf.scalar(0) },
        ({ n }, x: tf.Tensor) => ({ state: { n: tf.add(n, tf.sum(x)) }, output: n }),
        {
          maxGraphs: 1,
        },
      );
      for (const length of [1, 2, 3, 2, 1]) count(tf.ones([length]));
      expect(count.state().n.arraySync()).toBe(9);
      count.dispose();
    });
  });

  it('leaves unchanged parts alone, and may swap others', () => {
    tf.tidy(() => {
      const start = { a: tf.scalar(1), b: tf.scalar(2), fixed: tf.scalar(3) };
      const swap = compileWithState(start, ({ a, b, fixed }) => ({
        state: { a: b, b: a, fixed },
        output: [a, fixed],
      }));
      expect([swap(), swap(), swap()].map(([a]) => a!.arraySync())).toEqual([1, 2, 1]);
      const { a, b, fixed } = swap.state();
      expect([a, b, fixed].map((each) => each.arraySync())).toEqual([2, 1, 3]);
      swap.dispose();
    });
  });

  it('leaves the state as it was when a call fails', () => {
    tf.tidy(() => {
      const state = { sum: tf.tensor1d([0, 0]), calls: tf.scalar(0) };
      const look = compileWithState(state, ({ sum, calls }, table: tf.Tensor, ids: tf.Tensor) => ({
        state: { sum: tf.add(sum, tf.gather(table, ids as tf.Tensor1D)), calls: tf.add(calls, 1) },
        output: calls,
      }));
      const table = tf.tensor1d([10, 20, 30]);
      look(table, tf.tensor1d([0, 1], 'int32'));
      if (tf.getBackend() === 'tensorflow') {
        expect(() => look(table, tf.tensor1d([0, 99], 'int32'))).toThrow(/99/);
      }
      expect(look.state().sum.arraySync()).toEqual([10, 20]);
      expect(look.state().calls.arraySync()).toBe(1);
      look(table, tf.tensor1d([0, 1], 'int32'));
      expect(look.state().sum.arraySync()).toEqual([20, 40]);
      look.dispose();
    });
  });

  it('refuses a state of another shape, use inside of a gradient, and calls after dispose', () => {
    tf.tidy(() => {
      const grow = compileWithState(
        { x: tf.ones([1]) },
        ({ x }) => ({ state: { x: tf.concat([x, x]) }, output: x }),
        { name: 'grow' },
      );
      expect(() => grow()).toThrow(
        'compileWithState: grow: the new state is {"x":float32[2]}, expected {"x":float32[1]} as the first one',
      );
      expect(grow.state().x.arraySync()).toEqual([1]);
      expect(() => grow.setState({ x: tf.zeros([2]) })).toThrow('expected {"x":float32[1]}');
      const fine = compileWithState({ x: tf.scalar(1) }, ({ x }) => ({ state: { x }, output: x }), {
        name: 'fine',
      });
      expect(() => tf.grad(() => fine() as tf.Scalar)(tf.scalar(1))).toThrow(
        'compileWithState: fine is called inside',
      );
      fine.dispose();
      expect(() => fine()).toThrow('compileWithState: fine has been disposed');
      grow.dispose();
    });
  });

  it('leaks nothing over a thousand steps', () => {
    const params = initial();
    const compiled = compileWithState(params, step);
    const x = tf.scalar(0.5);
    tf.dispose(compiled(x));
    const before = tf.memory().numTensors;
    for (let i = 0; i < (tf.getBackend() === 'tensorflow' ? 1000 : 20); i++)
      tf.dispose(compiled(x));
    expect(tf.memory().numTensors).toBe(before);
    compiled.dispose();
    tf.dispose([params.params, params.moments, x] as never);
  });
});
