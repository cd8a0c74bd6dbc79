import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  type BackendInfo,
  describeBackend,
  fold,
  rng,
  randomNormal,
  useBackend,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { fallbackLine } from '../src/backend/fallback.js';

type Name = BackendInfo['name'];

/** The backends of this machine: native TensorFlow is tested where it is there. */
const available: Name[] = ['wasm', 'cpu'];
let gpu = false;

beforeAll(async () => {
  for (const name of ['tensorflow', 'tensorflow-gpu'] as const) {
    try {
      await useBackend(name, { install: false });
      available.push(name);
      gpu ||= name === 'tensorflow-gpu';
    } catch {
      // Not here.
    }
  }
  await useBackend(undefined, { install: false });
});

afterEach(async () => {
  await useBackend(undefined, { install: false });
});

/** Sets environment variables while a function runs. */
async function withEnvironment<T>(
  variables: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before[name];
    }
  }
}

const tfjsName = (name: Name): string => (name === 'tensorflow-gpu' ? 'tensorflow' : name);

describe('useBackend', () => {
  it('makes current what it says, and describes it', async () => {
    const info = await useBackend(undefined, { install: false });
    expect(tf.getBackend()).toBe(tfjsName(info.name));
    expect(info.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(info.threads).toBeGreaterThanOrEqual(1);
    const native = info.name.startsWith('tensorflow');
    expect(info.binding === null).toBe(!native);
    expect(['installed', 'wheel'].includes(info.route)).toBe(native);
  });

  it('gives a reason for each better backend that it did not choose', async () => {
    const order: readonly Name[] = ['tensorflow-gpu', 'tensorflow', 'wasm', 'cpu'];
    const { name, rejected } = await withEnvironment({ CFRL_BACKEND: '' }, () =>
      useBackend(undefined, { install: false }),
    );
    const better = order.slice(0, order.indexOf(name));
    expect([...new Set(rejected.map(({ name: way }) => way.split(' ', 1)[0]))]).toEqual(better);
    for (const { reason } of rejected) expect(reason).toMatch(/^[^\n]{10,}$/);
  });

  it('answers a second call, and calls that overlap, with the same object', async () => {
    const [first, second] = await Promise.all([useBackend('cpu'), useBackend('cpu')]);
    expect(second).toBe(first);
    expect(await useBackend('cpu')).toBe(first);
  });

  it('leaves the backend of the last of several calls current', async () => {
    await Promise.all([useBackend('cpu'), useBackend('wasm'), useBackend('cpu')]);
    expect(tf.getBackend()).toBe('cpu');
    await Promise.all([useBackend('cpu'), useBackend('wasm')]);
    expect(tf.getBackend()).toBe('wasm');
  });

  it('follows the environment variable unless a name is given', async () => {
    await withEnvironment({ CFRL_BACKEND: 'wasm' }, async () => {
      expect((await useBackend()).name).toBe('wasm');
      expect((await useBackend('cpu')).name).toBe('cpu');
    });
  });

  it('refuses names that it does not know, and lists those that it knows', async () => {
    await expect(useBackend('webgpu' as Name)).rejects.toThrow(
      new RangeError(
        "useBackend: name is 'webgpu', expected one of tensorflow-gpu, tensorflow, wasm, cpu",
      ),
    );
    await withEnvironment({ CFRL_BACKEND: 'CPU' }, () =>
      expect(useBackend()).rejects.toThrow(/^useBackend: CFRL_BACKEND is 'CPU', expected one of/),
    );
  });

  it.each(['0', '-1', '1.5', 'many'])('refuses CFRL_THREADS=%s', async (threads) => {
    await withEnvironment({ CFRL_THREADS: threads }, () =>
      expect(useBackend('cpu')).rejects.toThrow(
        new RangeError(
          `useBackend: CFRL_THREADS is '${threads}', expected a positive integer (threads per operation)`,
        ),
      ),
    );
  });

  it('refuses a backend that is not there, says why, and stays where it was', async () => {
    if (gpu) return;
    await useBackend('cpu');
    await expect(useBackend('tensorflow-gpu')).rejects.toThrow(
      /^useBackend: 'tensorflow-gpu' is not available \(tensorflow-gpu: [^)]+\); mend that, or/,
    );
    expect(tf.getBackend()).toBe('cpu');
  });

  it('does not leave handlers of errors behind', async () => {
    await useBackend('wasm');
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      expect(
        process
          .rawListeners(event)
          .map(String)
          .filter((text) => text.includes('ExitStatus')),
      ).toEqual([]);
    }
  });
});

describe('every backend', () => {
  const each = async (work: (name: Name) => void): Promise<void> => {
    for (const name of available) {
      await useBackend(name, { install: false });
      work(name);
    }
  };
  const random = (seed: number, ...shape: number[]): tf.Tensor =>
    randomNormal(rng(fold(seed, ...shape)), shape);
  const close = (actual: tf.Tensor, expected: readonly number[], name: Name): void => {
    const values = [...actual.dataSync()];
    expect(values.length, name).toBe(expected.length);
    values.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!), `${name} [${i}]`).toBeLessThan(
        2e-5 * (1 + Math.abs(expected[i]!)),
      );
    });
  };

  it('adds up the gradient of gather where an index occurs twice', async () => {
    await each((name) => {
      tf.tidy(() => {
        const ids = tf.tensor1d([2, 0, 2], 'int32');
        const weights = tf.tensor2d([
          [1, 2],
          [3, 4],
          [5, 6],
        ]);
        const loss = (x: tf.Tensor): tf.Tensor => tf.sum(tf.mul(tf.gather(x, ids), weights));
        close(tf.grad(loss)(tf.zeros([4, 2])), [3, 4, 0, 0, 6, 8, 0, 0], name);
      });
    });
  });

  it('sums rows into segments as the definition says, ids outside left out', async () => {
    const ids = fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 1, maxLength: 12 });
    const cases = fc.sample(fc.tuple(ids, fc.integer({ min: 1, max: 5 })), 6);
    await each((name) => {
      // What an id beyond the end does is left to TensorFlow there.
      const beyond = name.startsWith('tensorflow') ? 3 : 4;
      for (const [drawn, width] of cases) {
        const segments = drawn.map((id) => Math.min(id, beyond));
        tf.tidy(() => {
          const x = random(1, segments.length, width);
          const values = x.dataSync();
          const expected = new Array<number>(4 * width).fill(0);
          segments.forEach((id, row) => {
            if (id < 0 || id >= 4) return;
            for (let k = 0; k < width; k++) expected[id * width + k]! += values[row * width + k]!;
          });
          const sums = tf.unsortedSegmentSum(x, tf.tensor1d(segments, 'int32'), 4);
          close(sums, expected, name);
        });
      }
    });
  });

  it.each([
    ['bij,bjk->bik', [2, 3, 4], [2, 4, 5]],
    ['abc,dbc->da', [2, 3, 4], [5, 3, 4]],
    ['i,j->ji', [3], [4]],
    ['ij,ij->', [3, 4], [3, 4]],
    ['bhqd,bhkd->bhqk', [2, 3, 2, 4], [2, 3, 5, 4]],
  ])('contracts %s as the sum over all indices says', async (equation, shapeA, shapeB) => {
    await each((name) => {
      tf.tidy(() => {
        const [a, b] = [random(2, ...shapeA), random(3, ...shapeB)];
        close(tf.einsum(equation, a, b), sumOverIndices(equation, [a, b]), name);
      });
    });
  });

  it('sums over a letter that only one operand has', async () => {
    await each((name) => {
      // TensorFlow.js' own kernel for plain JavaScript throws here.
      if (name === 'cpu') return;
      tf.tidy(() => {
        const operands = [random(2, 2, 3, 4), random(3, 5, 4)] as const;
        const expected = sumOverIndices('aij,bj->ab', operands);
        close(tf.einsum('aij,bj->ab', ...operands), expected, name);
      });
    });
  });

  it.each([
    ['ij->ji', [2, 3]],
    ['ijk->j', [2, 3, 4]],
    ['ij->', [2, 3]],
    ['ij->ij', [2, 3]],
  ])('rearranges %s as the sum over all indices says', async (equation, shape) => {
    await each((name) => {
      tf.tidy(() => {
        const x = random(4, ...shape);
        const result = tf.einsum(equation, x);
        close(result, sumOverIndices(equation, [x]), name);
        // TensorFlow.js' own kernel for plain JavaScript hands the operand itself back.
        if (name === 'cpu') return;
        result.dispose();
        expect(x.isDisposed, name).toBe(false);
      });
    });
  });

  it('repeats a training run to the bit', async () => {
    await each((name) => {
      expect(trained(7), name).toEqual(trained(7));
    });
  });
});

describe('describeBackend', () => {
  const info: BackendInfo = {
    name: 'tensorflow',
    version: '2.21.0',
    binding: '/cache/tfjs_binding.node',
    route: 'wheel',
    cpuFeatures: ['avx2', 'fma'],
    threads: 4,
    rejected: [{ name: 'tensorflow-gpu', reason: 'no NVIDIA GPU was found' }],
  };

  it('names all that was chosen, and why nothing better was', () => {
    expect(describeBackend(info)).toBe(
      [
        'Backend   tensorflow: TensorFlow 2.21.0 (native)',
        "From      built on this machine against the library of TensorFlow's Python wheel",
        'Binding   /cache/tfjs_binding.node',
        'Threads   up to 4 per operation',
        'Processor avx2 fma',
        'Better ones that were not available:',
        '  tensorflow-gpu: no NVIDIA GPU was found',
      ].join('\n'),
    );
  });

  it('leaves out what there is not', () => {
    const plain: BackendInfo = { ...info, name: 'cpu', version: '4.22.0', binding: null };
    const text = describeBackend({
      ...plain,
      route: 'package',
      cpuFeatures: [],
      threads: 1,
      rejected: [],
    });
    expect(text).toBe(
      [
        'Backend   cpu: plain JavaScript (TensorFlow.js 4.22.0), by far the slowest',
        'From      ships with its npm package',
        'Threads   1 per operation',
        'Processor features unknown',
      ].join('\n'),
    );
  });
});

describe('a fallback', () => {
  const run = (options: string, env: Readonly<Record<string, string>>) => {
    const source = `import { useBackend } from '@cfrl/engine';
      for (const options of ${options}) await useBackend(undefined, options);`;
    const flags = ['--import', import.meta.resolve('tsx'), '--conditions=@cfrl/source'];
    const clean = { ...process.env, ...env };
    Reflect.deleteProperty(clean, 'CFRL_BACKEND');
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [...flags, '--input-type=module', '-e', source],
      { encoding: 'utf8', env: clean, cwd: fileURLToPath(new URL('..', import.meta.url)) },
    );
    expect({ stdout, status }, stderr).toEqual({ stdout: '', status: 0 });
    return stderr;
  };

  it('is said in one line, once, with the reason and the command that mends it', () => {
    // An empty cache: nothing has been built.
    const cache = mkdtempSync(join(tmpdir(), 'cfrl fallback '));
    const missing = { CFRL_CACHE: cache, CFRL_LOG: '' };
    try {
      expect(
        run('[{ install: false }, { install: false }, {install: false, retry: true}]', missing),
      ).toBe(
        'cfrl: on WebAssembly, slower than native TensorFlow, which is missing: it has not been built, ' +
          'and installing was not allowed; to mend it: npm run cfrl -- backend\n',
      );
      expect(run('[{ install: false, quiet: true }]', missing)).toBe('');
      expect(run('[{ install: false }]', { ...missing, CFRL_LOG: 'quiet' })).toBe('');
    } finally {
      rmSync(cache, { recursive: true });
    }
  });

  it('is described with the command that mends it, and none where native TensorFlow was chosen', () => {
    const info: BackendInfo = {
      ...{ name: 'wasm', version: '4.22.0', binding: null, route: 'package' },
      ...{ cpuFeatures: [], threads: 1 },
      rejected: [
        { name: 'tensorflow-gpu', reason: 'no NVIDIA GPU was found' },
        { name: 'tensorflow', reason: 'it is not installed', mend: 'npm install it' },
      ],
    };
    expect(describeBackend(info).split('\n').slice(-3)).toEqual([
      '  tensorflow-gpu: no NVIDIA GPU was found',
      '  tensorflow: it is not installed',
      '    to mend it: npm install it',
    ]);
    expect(fallbackLine(info)).toBe(
      'cfrl: on WebAssembly, slower than native TensorFlow, which is missing: it is not installed; to mend it: npm install it',
    );
    expect(fallbackLine({ ...info, name: 'tensorflow' })).toBeUndefined();
    expect(fallbackLine({ ...info, rejected: [] })).toBeUndefined();
  });
});

/** Einstein's convention, spelled out: a sum over every value of every letter. */
function sumOverIndices(equation: string, operands: readonly tf.Tensor[]): number[] {
  const [inputs, output] = equation.split('->') as [string, string];
  const terms = inputs.split(',');
  const sizes = new Map<string, number>();
  terms.forEach((term, i) =>
    [...term].forEach((c, axis) => sizes.set(c, operands[i]!.shape[axis]!)),
  );
  const letters = [...sizes.keys()];
  const data = operands.map((operand) => operand.dataSync());
  const flat = (term: string, at: ReadonlyMap<string, number>): number =>
    [...term].reduce((index, c) => index * sizes.get(c)! + at.get(c)!, 0);
  const length = [...output].reduce((n, c) => n * sizes.get(c)!, 1);
  const result = new Array<number>(length).fill(0);
  const total = letters.reduce((n, c) => n * sizes.get(c)!, 1);
  for (let n = 0; n < total; n++) {
    const at = new Map<string, number>();
    letters.reduce(
      (rest, c) => (at.set(c, rest % sizes.get(c)!), Math.floor(rest / sizes.get(c)!)),
      n,
    );
    result[flat(output, at)]! += terms.reduce(
      (product, term, i) => product * data[i]![flat(term, at)]!,
      1,
    );
  }
  return result;
}

/** Ten steps of gradient descent with a gather, matrix products and a softmax: the weights afterwards. */
function trained(seed: number): number[] {
  return tf.tidy(() => {
    const ids = tf.tensor1d(
      Array.from({ length: 64 }, (_, i) => (i * 7) % 11),
      'int32',
    );
    const targets = tf.oneHot(
      tf.tensor1d(
        Array.from({ length: 64 }, (_, i) => i % 11),
        'int32',
      ),
      11,
    );
    let weights: tf.Tensor[] = [
      randomNormal(rng(fold(seed, 'e')), [11, 32]),
      randomNormal(rng(fold(seed, 'w')), [32, 11]),
    ];
    const loss = (e: tf.Tensor, w: tf.Tensor): tf.Scalar => {
      const p = tf.softmax(tf.matMul(tf.gather(e, ids), w));
      return tf.mean(tf.sum(tf.square(tf.sub(p, targets)), -1));
    };
    for (let step = 0; step < 10; step++) {
      const { grads } = tf.valueAndGrads(loss)(weights);
      weights = weights.map((w, i) => tf.sub(w, tf.mul(0.5, grads[i]!)));
    }
    return weights.flatMap((w) => [...w.dataSync()]);
  });
}
