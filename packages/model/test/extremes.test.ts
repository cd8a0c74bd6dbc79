import * as model from '@cfrl/model';
import { everyNumber, isRefusal, variations } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const sizes = {
  architecture: 'llama' as const,
  vocabSize: 5,
  hiddenSize: 8,
  layers: 1,
  heads: 2,
  maxPositions: 12,
};
const config = model.modelConfig(sizes);
const tokenizer = model.charTokenizer('abc');
const tiny = () => ({ config, tokenizer, params: model.initParams(config, 1) });
const tokens = (): tf.Tensor2D =>
  tf.tensor2d(
    [
      [1, 2, 3],
      [2, 3, 1],
    ],
    [2, 3],
    'int32',
  );

/** Calls with what people write: numbers, options, tokens, texts. */
const calls: Readonly<Record<string, () => readonly unknown[]>> = {
  addLora: () => [tiny(), { rank: 2, alpha: 4 }, 1],
  bodyFeatures: () => [tiny().params, config, { tokens: tokens() }],
  charTokenizer: () => ['abc'],
  classifierLogits: () => [tiny().params, config, tf.ones([2, 8])],
  forward: () => [tiny().params, config, { tokens: tokens() }],
  frequencyPenalty: () => [0.5],
  generate: () => [
    tiny(),
    [[1, 2], [2]],
    {
      maxNewTokens: 2,
      temperature: 0.9,
      topK: 3,
      topP: 0.9,
      minNewTokens: 1,
      groupSize: 1,
      stopTokens: [4],
      seed: 1,
      compile: false,
    },
  ],
  initParams: () => [config, 1],
  minNewTokens: () => [1, [4]],
  minP: () => [0.1],
  modelConfig: () => [sizes],
  noRepeatNgrams: () => [2],
  padTokens: () => [[[1, 2], [3]], { padToken: 0, length: 4, multipleOf: 2 }],
  presencePenalty: () => [0.5],
  regexConstraint: () => [tokenizer, 'a+b'],
  repetitionPenalty: () => [1.2],
  sequenceBias: () => [[[[1, 2], 0.5]]],
  temperature: () => [0.9],
  topK: () => [3],
  topP: () => [0.9],
  typicalP: () => [0.9],
};

/** What is passed to one function is refused by the one that looks at it. */
const names = Object.keys(model);

function extremesFor(value: unknown): readonly unknown[] {
  if (typeof value === 'number') return [NaN, Infinity, -Infinity, -1, 0, 0.5, 1e308, 2 ** 53];
  if (typeof value === 'string') return ['', '\0', '\ud800', 'z'];
  if (value instanceof tf.Tensor) {
    const others = [[7], [1, 1, 7], ...(value.rank > 1 ? [[...value.shape].reverse()] : [])];
    return others.map((shape) => tf.ones(shape, value.dtype));
  }
  if (Array.isArray(value)) return [[], [NaN], [1.5], [-1], [99]];
  return [];
}

/** Whole models are refused where they are loaded, saved and sampled from; the rest takes them as they are. */
const models: Readonly<Record<string, RegExp>> = {
  addLora: /^0\./,
  bodyFeatures: /^[01]\./,
  classifierLogits: /^[01]\./,
  forward: /^[01]\./,
  generate: /^0\.tokenizer\./,
  regexConstraint: /^0\./,
};

const called = (name: string, given: readonly unknown[]): unknown =>
  (model[name as keyof typeof model] as (...given: unknown[]) => unknown)(...given);

describe('extremes', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(Object.keys(calls))('give a value or the one error: %s', async (name) => {
    const given = calls[name]!();
    await called(name, given);
    const wrong: string[] = [];
    for (const { at, extreme, changed } of variations(given, extremesFor)) {
      if (models[name]?.test(at)) continue;
      const shown =
        extreme instanceof tf.Tensor ? `[${extreme.shape.join()}]` : JSON.stringify(extreme);
      const said = (what: string): number => wrong.push(`${at} = ${shown}: ${what}`);
      const before = tf.memory().numTensors;
      try {
        const result = await called(name, changed);
        if (!everyNumber(result, (x) => !Number.isNaN(x))) said('NaN');
      } catch (error) {
        if (!isRefusal(error, names)) said(String(error).slice(0, 200));
        if (tf.memory().numTensors !== before) said('leaves tensors');
      }
    }
    expect(wrong).toEqual([]);
  });
});
