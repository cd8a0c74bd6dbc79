/**
 * Mutated checkpoints. Each is refused with an error of ours or loads as what it says; nothing hangs, makes room for more than
 * the file holds, or reads another folder. `fuzz.test.ts` runs a slice; by hand:
 *
 *     npx tsx --conditions=@cfrl/source test/fuzz.ts 100000 [safetensors|index|config|gguf] [seed]
 */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { type Rng, disposeParams, fold, randomInt, rng, useBackend } from '@cfrl/engine';
import { modelConfig, paramShapes } from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

import { openGguf } from '../src/gguf/open.js';
import { tokenizerOf } from '../src/gguf/tokenizer.js';
import { randomParams } from './arbitrary.js';

/** The kinds of files that are mutated. */
export const KINDS = ['safetensors', 'index', 'config', 'gguf'] as const;
export type Kind = (typeof KINDS)[number];

/** What became of the mutated files. */
export interface Outcome {
  readonly loaded: number;
  readonly refused: number;
  /** What should not have happened, with the seed that makes it happen again. */
  readonly failures: readonly string[];
}

const OURS =
  /^(loadPretrained|fromHuggingFaceConfig|validateConfig|modelConfig|decodeSafetensors)[: ]/;
const SECONDS = 2;
/** Numbers beside the file's own: headers that are read twice over, chunks, what the tensors need. */
const SLACK = 2 ** 20;
/** A number that only the file outside of the folder holds. */
const OUTSIDE = 777;

const pick = <T>(source: Rng, values: readonly T[]): T => values[randomInt(source, values.length)]!;

const NUMBERS = [
  0n,
  1n,
  2n,
  255n,
  2n ** 16n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** Bytes changed, cut out, doubled or cut off, or a number replaced by an extreme one. */
function mutateBytes(source: Rng, bytes: Buffer, limit: number): Buffer {
  let result = Buffer.from(bytes);
  for (let rounds = 1 + randomInt(source, 3); rounds > 0 && result.length > 0; rounds--) {
    const at = randomInt(source, Math.min(limit, result.length));
    const length = 1 + randomInt(source, 32);
    switch (randomInt(source, 6)) {
      case 0:
        result[at] = randomInt(source, 256);
        break;
      case 1:
        result[at]! ^= 1 << randomInt(source, 8);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 3:
        result = Buffer.concat([result.subarray(0, at + length), result.subarray(at)]);
        break;
      case 4:
        result = result.subarray(0, at);
        break;
      default:
        if (at + 8 <= result.length) result.writeBigUInt64LE(pick(source, NUMBERS), at);
    }
  }
  return result;
}

const TEXTS = [
  ...[
    '../outside/model.safetensors',
    '/etc/passwd',
    'model.safetensors',
    '',
    '.',
    '..',
    '\u0000',
    'a\\b',
    '__proto__',
  ],
  ...['llama', 'gpt2', 'bert', 'toString', 'constructor', 'default', 'linear', '1'],
];
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 2, 3, 0.5, 7, 1e9, 1e15, 2 ** 53, 1e308, -1e308],
  ...[[], {}, [[]], { a: [] }, ...TEXTS],
];

/** A value somewhere in parsed JSON replaced, removed, renamed or added. */
function mutateJson(source: Rng, json: unknown): unknown {
  if (typeof json !== 'object' || json === null || randomInt(source, 12) === 0)
    return pick(source, VALUES);
  const entries = Object.entries(json as Record<string, unknown>);
  if (entries.length === 0) return pick(source, VALUES);
  const at = randomInt(source, entries.length);
  const [key, value] = entries[at]!;
  const change = randomInt(source, 6);
  if (change === 0) entries.splice(at, 1);
  else if (change === 1) entries[at] = [pick(source, TEXTS), value];
  else if (change === 2) entries.push([pick(source, TEXTS), pick(source, VALUES)]);
  else entries[at] = [key, mutateJson(source, value)];
  return Array.isArray(json) ? entries.map(([, each]) => each) : Object.fromEntries(entries);
}

const mutateText = (source: Rng, text: string): Buffer => {
  const mutated =
    randomInt(source, 4) === 0
      ? text
      : (JSON.stringify(mutateJson(source, JSON.parse(text))) ?? 'undefined');
  return randomInt(source, 3) === 0
    ? mutateBytes(source, Buffer.from(mutated), 2 ** 20)
    : Buffer.from(mutated);
};

/** An index that names the shards of another folder, or is changed like other JSON. */
function mutateIndex(source: Rng, text: string): Buffer {
  if (randomInt(source, 8) > 0) return mutateText(source, text);
  const [, shard] = pick(source, [...text.matchAll(/"(model-[^"]*)"/g)]);
  const way = pick(source, [
    '../outside/',
    './../outside/',
    '..\\\\outside\\\\',
    'x/../../outside/',
  ]);
  return Buffer.from(text.replaceAll(shard!, `${way}${shard}`));
}

/** A safetensors file whose header was changed as JSON, so that the change is not only broken JSON. */
function mutateHeader(source: Rng, bytes: Buffer): Buffer {
  const end = 8 + Number(bytes.readBigUInt64LE());
  if (randomInt(source, 2) === 0) return mutateBytes(source, bytes, end + 64);
  const header = mutateText(source, bytes.subarray(8, end).toString());
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, bytes.subarray(end)]);
}

/** Calls back for every array that is made, with its bytes. */
function watchArrays(note: (bytes: number) => void): () => void {
  const constructors = [
    'Uint8Array',
    'Uint16Array',
    'Uint32Array',
    'Int32Array',
    'Float32Array',
    'Float64Array',
    'Array',
  ];
  const scope = globalThis as unknown as Record<string, new (...args: unknown[]) => object>;
  const before = constructors.map((name) => [name, scope[name]!] as const);
  for (const [name, original] of before) {
    scope[name] = new Proxy(original, {
      construct(target, args, newTarget) {
        const width = (target as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 8;
        if (typeof args[0] === 'number') note(args[0] * width);
        return Reflect.construct(target, args, newTarget) as object;
      },
    });
  }
  return () => before.forEach(([name, original]) => (scope[name] = original));
}

interface Subject {
  readonly folder: string;
  readonly path: string;
  /** What is loaded. */
  readonly target: string;
  readonly mutate: (source: Rng) => Buffer;
}

const fixture = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`fixtures/gguf/${name}`, import.meta.url)));

/** A checkpoint with one file that will be mutated, and beside its folder one that must not be read. */
async function prepare(root: string, kind: Kind): Promise<Subject> {
  const config = modelConfig({
    ...{ architecture: 'llama', vocabSize: 5, hiddenSize: 4, intermediateSize: 6 },
    ...{ layers: 1, heads: 2, keyValueHeads: 1, maxPositions: 6 },
  });
  const params = randomParams(config, 1);
  const outside = Object.fromEntries(
    Object.entries(params).map(([name, { shape }]) => [name, tf.fill([...shape], OUTSIDE)]),
  );
  const folder = join(root, kind);
  const options = kind === 'index' ? { maxShardSize: 150 } : {};
  await savePretrained(join(root, 'outside'), { config, params: outside }, options);
  await savePretrained(folder, { config, params }, options);
  [params, outside].forEach(disposeParams);
  if (kind === 'gguf') {
    const files = [
      'llama',
      'gpt2',
      'gemma2',
      'gemma3',
      'phi3',
      'stablelm',
      'qwen3',
      'types',
      'spm',
      'bpe',
    ].map((name) => fixture(`${name}.gguf`));
    const path = join(root, 'x.gguf');
    const mutate = (source: Rng): Buffer => {
      const bytes = pick(source, files);
      return mutateBytes(source, bytes, randomInt(source, 4) === 0 ? bytes.length : 3000);
    };
    return { folder, path, target: path, mutate };
  }
  const name = {
    safetensors: 'model.safetensors',
    index: 'model.safetensors.index.json',
    config: 'config.json',
  }[kind];
  const bytes = readFileSync(join(folder, name));
  const mutations: Readonly<Record<typeof kind, (source: Rng) => Buffer>> = {
    safetensors: (source) => mutateHeader(source, bytes),
    index: (source) => mutateIndex(source, bytes.toString()),
    config: (source) => mutateText(source, bytes.toString()),
  };
  return {
    folder,
    path: join(folder, name),
    target: folder,
    mutate: mutations[kind],
  };
}

/** Loads once; nothing for a model, else the error. The tokenizer of a GGUF file is made as well. */
async function attempt(kind: Kind, target: string): Promise<unknown> {
  if (kind === 'gguf') {
    try {
      const { metadata, close } = await openGguf(target);
      await close();
      JSON.stringify(tokenizerOf(metadata));
    } catch (error) {
      if (!(error instanceof RangeError && OURS.test(error.message))) return error;
    }
  }
  try {
    const { config, params } = await loadPretrained(target, { tokenizer: false });
    const shapes = Object.entries(paramShapes(config));
    const wrong = shapes.find(([name, shape]) => String(params[name]?.shape) !== String(shape));
    const foreign = Object.values(params).some((tensor) => tensor.dataSync().includes(OUTSIDE));
    disposeParams(params);
    if (wrong !== undefined)
      return new Error(`'${wrong[0]}' has another shape than the config says`);
    if (foreign) return new Error('it read a file outside of the folder');
    return undefined;
  } catch (error) {
    return error;
  }
}

/**
 * Mutates one kind of file again and again.
 *
 * @param count - how many mutated files
 * @param seed - the first one's; the others' follow
 */
export async function fuzz(kind: Kind, count: number, seed = 0): Promise<Outcome> {
  const root = await mkdtemp(join(tmpdir(), 'cfrl-fuzz-'));
  await mkdir(root, { recursive: true });
  const failures: string[] = [];
  let [loaded, refused] = [0, 0];
  const { path, target, mutate } = await prepare(root, kind);
  let largest = 0;
  const restore = watchArrays((bytes) => (largest = Math.max(largest, bytes)));
  try {
    for (let i = 0; i < count; i++) {
      const bytes = mutate(rng(fold(seed + i, kind)));
      await writeFile(path, bytes);
      const [start, tensors] = [performance.now(), tf.memory().numTensors];
      largest = 0;
      const error = await attempt(kind, target);
      const seconds = (performance.now() - start) / 1000;
      const fail = (what: string): void => void failures.push(`seed ${seed + i}: ${what}`);
      if (error === undefined) loaded += 1;
      else if (error instanceof Error && OURS.test(error.message)) refused += 1;
      else fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
      if (seconds > SECONDS) fail(`it took ${seconds.toFixed(1)} s`);
      if (largest > 8 * bytes.length + SLACK) fail(`it made room for ${largest} bytes`);
      if (tf.memory().numTensors !== tensors) fail('it left tensors behind');
    }
  } finally {
    restore();
    await rm(root, { recursive: true });
  }
  return { loaded, refused, failures };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [count = '1000', kind, seed = '0'] = process.argv.slice(2);
  await useBackend('cpu');
  for (const each of kind === undefined ? KINDS : [kind as Kind]) {
    const { loaded, refused, failures } = await fuzz(each, Number(count), Number(seed));
    process.stdout.write(
      `${each}: ${loaded} loaded, ${refused} refused, ${failures.length} failed\n`,
    );
    failures.slice(0, 5).forEach((failure) => process.stdout.write(`  ${failure}\n`));
    if (failures.length > 0) process.exitCode = 1;
  }
}
