/**
 * The TypeScript side of tools/fixtures/model/check_load.py, which starts it:
 *
 *     exchange.ts write FOLDER                  saves models there, each with the logits and tokens it computes
 *     exchange.ts write-architectures FOLDER    the same for the models of fixtures/architectures
 *     exchange.ts read FOLDER                   loads what Python saved again and compares
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { fold, randomNormal, rng, useBackend } from '@cfrl/engine';
import { byteTokenizer, charTokenizer, forward, initParams, modelConfig } from '@cfrl/model';
import type { LanguageModel, Tokenizer } from '@cfrl/model';
import {
  loadPretrained,
  readSafetensors,
  savePretrained,
  writeSafetensors,
} from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

import { loadFixture } from './fixture.js';

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

async function write(root: string): Promise<void> {
  for (const name of [
    'gpt2-tied-char',
    'gpt2-untied-byte',
    'llama-tied-byte',
    'llama-untied-char',
  ]) {
    const model = makeModel(name);
    const folder = join(root, name);
    await savePretrained(folder, model);
    const tokens = tf.tensor2d([1, 5, 2, 9, 3, 0, 7, 7, 4, 8, 11, 6], [2, 6], 'int32');
    const { logits } = forward(model.params, model.config, { tokens });
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

await useBackend('cpu');
const [command, folder] = process.argv.slice(2) as [keyof typeof commands, string];
const commands = { write, 'write-architectures': writeArchitectures, read };
await commands[command](folder);
