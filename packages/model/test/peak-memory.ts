/**
 * What loading costs in memory, in a process of its own:
 *
 *     npx tsx --conditions=@cfrl/source test/peak-memory.ts PATH
 *
 * prints the bytes of the parameters, and by how much the largest resident size until they were loaded and until the
 * model had computed once exceeds the size before.
 */
import { readFileSync, writeFileSync } from 'node:fs';

import { useBackend } from '@cfrl/engine';
import { forward } from '@cfrl/model';
import { loadPretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

/** The largest resident size of this process since it was last forgotten, bytes; Linux tells. */
function peak(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]);
}

await useBackend(undefined, { install: false });
tf.tidy(() => tf.matMul(tf.ones([64, 64]), tf.ones([64, 64])).dataSync());
// What starting took at most is not what loading begins with.
writeFileSync('/proc/self/clear_refs', '5');
const before = peak();
const { config, params } = await loadPretrained(process.argv[2]!, { tokenizer: false });
const loaded = peak() - before;
tf.tidy(() =>
  forward(params, config, {
    tokens: tf.tensor2d([[1, 2, 3]], undefined, 'int32'),
  }).logits.dataSync(),
);
const computed = peak() - before;
const bytes = Object.values(params).reduce((sum, { size }) => sum + 4 * size, 0);
process.stdout.write(`${JSON.stringify({ bytes, loaded, computed })}\n`);
