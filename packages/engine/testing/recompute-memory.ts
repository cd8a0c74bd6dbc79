/**
 * Prints how much memory a process needs at its peak, in MiB above what it has before, for the gradient of a deep network that
 * computes its blocks again (`recomputed`) or keeps everything (`kept`). Started by the tests of `rematerialize`.
 */
import {
  rematerialize,
  compile,
  dense,
  gelu,
  useBackend,
  valueAndGrad,
  type Params,
} from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';

const [BLOCKS, ROWS, WIDTH] = [10, 3072, 128];
const block = ({ x, a, b }: Params): tf.Tensor =>
  tf.add(x!, dense(gelu(dense(x!, a!, 'in-out')), b!, 'in-out'));

const loss = (params: Params, recompute: boolean): tf.Tensor => {
  let x = params['x']!;
  for (let i = 0; i < BLOCKS; i++) {
    const inputs = { x, a: params[`a${i}`]!, b: params[`b${i}`]! };
    x = recompute ? rematerialize(block, inputs, {}) : block(inputs);
  }
  return tf.mean(tf.square(x));
};

const peak = (): number => process.resourceUsage().maxRSS / 1024;

await useBackend('tensorflow', { install: false });
const matrix = (rows: number, columns: number): tf.Tensor => tf.fill([rows, columns], 0.01);
const params: Record<string, tf.Tensor> = { x: matrix(ROWS, WIDTH) };
for (let i = 0; i < BLOCKS; i++) {
  params[`a${i}`] = matrix(WIDTH, 8 * WIDTH);
  params[`b${i}`] = matrix(8 * WIDTH, WIDTH);
}
const mode = process.argv[2];
const gradient = (recompute: boolean) => (p: Params) => valueAndGrad((q) => loss(q, recompute))(p);
const run = (recompute: boolean): number => {
  const f = gradient(recompute);
  const compiled = mode === 'eager' ? undefined : compile(f, { xla: mode === 'xla' });
  const before = process.memoryUsage.rss() / 2 ** 20;
  for (let i = 0; i < 2; i++) {
    const { value, grads } = (compiled ?? f)(params);
    tf.dispose([value, grads as Record<string, tf.Tensor>]);
  }
  compiled?.dispose();
  return peak() - before;
};
// A text: numbers are coloured where colours are forced.
console.log(String(run(process.argv[3] === 'recomputed')));
