/**
 * The TypeScript side of tools/fixtures/model/check_load.py, which starts it:
 *
 *     exchange.ts write FOLDER                  saves models there, each with the logits and tokens it computes
 *     exchange.ts write-architectures FOLDER    the same for the models of fixtures/architectures
 *     exchange.ts read FOLDER                   loads what Python saved again and compares
 *     exchange.ts load NAME                     loads a folder or a model of the hub, and prints a number of it or what is wrong
 *     exchange.ts hub FOLDER                    serves the folders as models `some-org/NAME` of a hub, until its input ends
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { fold, randomNormal, rng, useBackend } from '@cfrl/engine';
import { byteTokenizer, charTokenizer, forward, initParams, modelConfig } from '@cfrl/model';
import type { LanguageModel, Tokenizer } from '@cfrl/model';
import {
  type SaveOptions,
  loadPretrained,
  readSafetensors,
  savePretrained,
  writeSafetensors,
} from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

import { loadFixture } from './fixture.js';
import { startHub } from './hub-server.js';

const TEXTS: Readonly<Record<string, readonly string[]>> = {
  char: ['abc', 'c\nb a', ' 7é', '😀a😀', 'a', '"\\{}', '  \n\n'],
  byte: [
    'plain',
    'naïve café\n\ttab  two',
    '😀 𝔘nicode',
    '<|end|> and <|pad|>',
    '\uFEFFbom \u0000',
    "it's 12 o'clock",
    '\r\n',
  ],
};
const tokenizers: Readonly<Record<string, Tokenizer>> = {
  char: charTokenizer('abc \né7😀"\\{}'),
  byte: byteTokenizer(),
};

function makeModel(name: string): LanguageModel {
  const [architecture, kind, text] = name.split('-') as ['gpt2' | 'llama', string, string];
  const tokenizer = tokenizers[text]!;
  const config = modelConfig({
    architecture,
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 16,
    intermediateSize: 40,
    layers: 2,
    heads: 4,
    keyValueHeads: architecture === 'llama' ? 2 : 4,
    maxPositions: 12,
    normEpsilon: 1e-3,
    ...(architecture === 'llama' && { ropeTheta: 37 }),
    tiedEmbeddings: kind === 'tied',
  });
  const shapes = Object.entries(initParams(config, 0));
  // Every parameter is random, biases and gains as well.
  const params = shapes.map(([key, { shape }]) => {
    const noise = randomNormal(rng(fold(3, key)), shape, 0.25);
    return [key, /(norm|ln_\w)\.weight$/.test(key) ? tf.add(noise, 1) : noise] as const;
  });
  return { config, params: Object.fromEntries(params), tokenizer };
}

/** The models that are saved, and how: whole, in shards, in half precision. */
const MODELS: Readonly<Record<string, SaveOptions>> = {
  'gpt2-tied-char': {},
  'gpt2-untied-byte': { maxShardSize: 6000 },
  'llama-tied-byte': { dtype: 'bfloat16' },
  'llama-untied-char': { dtype: 'float16', maxShardSize: 3000 },
};

async function write(root: string): Promise<void> {
  for (const [name, options] of Object.entries(MODELS)) {
    const model = makeModel(name);
    const folder = join(root, name);
    await savePretrained(folder, model, options);
    const { params } = await loadPretrained(folder); // rounded, where that was asked for
    const tokens = tf.tensor2d([1, 5, 2, 9, 3, 0, 7, 7, 4, 8, 11, 6], [2, 6], 'int32');
    const { logits } = forward(params, model.config, { tokens });
    await writeSafetensors(join(folder, 'expected.safetensors'), { tokens, logits });
    const texts = TEXTS[name.split('-')[2]!]!.map((text) => {
      const encoded = model.tokenizer.encode(text);
      return { text, tokens: encoded, decoded: model.tokenizer.decode(encoded) };
    });
    writeFileSync(join(folder, 'texts.json'), JSON.stringify(texts));
  }
}

/** Every model of the fixtures, saved, with its logits. */
async function writeArchitectures(root: string): Promise<void> {
  const fixtures = new URL('fixtures/architectures/', import.meta.url);
  for (const file of readdirSync(fixtures).filter((name) => name.endsWith('.safetensors'))) {
    const name = file.replace('.safetensors', '');
    const { config, params } = loadFixture(`architectures/${name}`);
    const tokenizer = charTokenizer('abcdefghijklmnopqrstuvwxyz'.slice(0, config.vocabSize - 2));
    const folder = join(root, name);
    await savePretrained(folder, { config, params, tokenizer });
    const tokens = tf.tensor2d([1, 5, 2, 9, 3, 0, 7, 7, 4, 8, 11, 6], [2, 6], 'int32');
    const { logits } = forward(params, config, { tokens });
    await writeSafetensors(join(folder, 'expected.safetensors'), { tokens, logits });
  }
}

async function read(folder: string): Promise<void> {
  const { config, params, tokenizer } = await loadPretrained(folder);
  const { tensors } = await readSafetensors(join(folder, 'expected.safetensors'));
  const { logits } = forward(params, config, { tokens: tensors['tokens'] as tf.Tensor2D });
  const difference = tf.max(tf.abs(tf.sub(logits, tensors['logits']!))).dataSync()[0]!;
  if (difference !== 0) throw new Error(`${folder}: logits differ by ${difference}`);
  const file = join(folder, 'texts.json');
  if (!existsSync(file)) return;
  const texts = JSON.parse(readFileSync(file, 'utf8')) as { text: string }[];
  if (texts.some(({ text }) => tokenizer.decode(tokenizer.encode(text)) !== text)) {
    throw new Error(`${folder}: the tokenizer does not come back`);
  }
}

async function load(name: string): Promise<void> {
  const { params, tokenizer } = await loadPretrained(name);
  const [first] = Object.values(params);
  process.stdout.write(`${first!.dataSync()[0]} ${tokenizer.vocabSize}\n`);
}

async function serve(root: string): Promise<void> {
  const names = readdirSync(root);
  const repositories = names.map((name) => {
    const files = readdirSync(join(root, name)).map(
      (file) => [file, readFileSync(join(root, name, file))] as const,
    );
    const commit = createHash('sha1').update(name).digest('hex');
    return [`some-org/${name}`, { commit, files: Object.fromEntries(files) }] as const;
  });
  const hub = await startHub(Object.fromEntries(repositories));
  process.stdout.write(`${hub.url}\n`);
  for await (const _ of process.stdin);
  await hub.close();
}

await useBackend('cpu');
const commands: Readonly<Record<string, (argument: string) => Promise<void>>> = {
  ...{ write, 'write-architectures': writeArchitectures, read, load, hub: serve },
};
const [command, folder] = process.argv.slice(2) as [string, string];
await commands[command]!(folder).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
