import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { cacheFolder } from '../files/cache-folder.js';
import { makeFolder } from '../files/make-folder.js';
import { writeText } from '../files/write.js';
import { cpuFeatures } from './cpu-features.js';
import { errorLine, run } from './run.js';

/** What a working binding says about itself. */
interface Probe {
  /** TensorFlow's version. */
  readonly version: string;
  /** Whether it computes on a GPU. */
  readonly gpu: boolean;
}

// Runs in a child process, because a binding may not only throw but end the process: an instruction that this processor
// does not have, or a library of another version.
const program = `
const b = require(process.argv[1]);
const n = 64, x = () => b.createTensor([n, n], b.TF_FLOAT, new Float32Array(n * n).fill(1));
const flag = (name) => ({ name, type: b.TF_ATTR_BOOL, value: false });
const [y] = b.executeOp('MatMul',
  [flag('transpose_a'), flag('transpose_b'), { name: 'T', type: b.TF_ATTR_TYPE, value: b.TF_FLOAT }], [x(), x()], 1);
if (b.tensorDataSync(y.id).some((v) => v !== n)) throw new Error('it multiplies matrices wrongly');
process.stdout.write(JSON.stringify({ version: b.TF_Version, gpu: b.isUsingGpuDevice() }));
`;

/**
 * Tries a binding out in a child process. A success is remembered (until the file, Node.js or the processor
 * changes), so that later starts skip this; a failure is tried again.
 *
 * @throws Error with one line that says what is wrong with the binding.
 */
export async function probe(binding: string): Promise<Probe> {
  const stamp = stampFile(binding);
  const known = parse(() => readFileSync(stamp, 'utf8'));
  if (known !== undefined) return known;
  const found = await tryOut(binding);
  try {
    makeFolder(dirname(stamp));
    writeText(stamp, JSON.stringify(found));
  } catch {
    // A cache that cannot be written costs a fresh try at each start, nothing else.
  }
  return found;
}

/** Tries a binding out, whatever is remembered of it. */
export async function tryOut(binding: string): Promise<Probe> {
  const outcome = await run(process.execPath, ['-e', program, binding], {
    timeoutMs: 120_000,
    env: { NODE_OPTIONS: '', TF_CPP_MIN_LOG_LEVEL: '3' },
  });
  const found = outcome.status === 0 ? parse(() => outcome.stdout) : undefined;
  if (found === undefined) throw new Error(failureReason(outcome.signal, errorLine(outcome)));
  return found;
}

function failureReason(signal: NodeJS.Signals | null, line: string): string {
  if (signal === 'SIGILL') return 'the binding needs instructions that this processor lacks';
  if (signal !== null) return `the binding crashes (${signal})`;
  return `the binding does not work: ${line}`;
}

function stampFile(binding: string): string {
  const { mtimeMs, size } = statSync(binding);
  const { CUDA_VISIBLE_DEVICES, LD_LIBRARY_PATH } = process.env;
  const facts = [binding, mtimeMs, size, process.versions.modules, process.arch, cpuFeatures()];
  const key = JSON.stringify([...facts, CUDA_VISIBLE_DEVICES, LD_LIBRARY_PATH]);
  const name = createHash('sha256').update(key).digest('hex').slice(0, 24);
  return join(cacheFolder(), 'probes', `${name}.json`);
}

function parse(read: () => string): Probe | undefined {
  try {
    const { version, gpu } = JSON.parse(read()) as Partial<Probe>;
    return typeof version === 'string' && typeof gpu === 'boolean' ? { version, gpu } : undefined;
  } catch {
    return undefined;
  }
}
