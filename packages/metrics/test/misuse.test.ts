import * as metrics from '@cfrl/metrics';
import { isRefusal } from '@cfrl/testkit';
import { describe, expect, it } from 'vitest';

const a = [1, 2, 3, 4];
const b = [2, 3, 4, 6];
const p = [0.9, 0.2];
const right = [true, false];
const texts = ['a b', 'b c'];
const rows = [
  [1, 2],
  [2, 1],
  [0, 1],
];
const half = [0.5, 0.5];
const uniform = (): number => 0.5;

/** Calls as people write them by mistake: another list, a bare number or string, or nothing where options go; other names. */
const calls: readonly (readonly [keyof typeof metrics, ...unknown[]])[] = [
  ['permutationTest', a, b],
  ['permutationTest', a, b, {}],
  ['permutationTest', a, b, uniform],
  ['permutationTest', a, b, { uniform, samples: 100 }],
  ['permutationTest', a, b, { uniform: 7 }],
  ['pairedPermutationTest', a, b],
  ['pairedPermutationTest', a, b, {}],
  ['pairedPermutationTest', a, b, 1000],
  ['bootstrap', a, metrics.mean],
  ['bootstrap', a, metrics.mean, {}],
  ['bootstrap', a, metrics.mean, b],
  ['bootstrap', a, metrics.mean, 0.95],
  ['bootstrap', a, metrics.mean, { uniform, confidence: 0.9 }],
  ['pairedBootstrap', a, b],
  ['pairedBootstrap', a, b, metrics.mean],
  ['hierarchicalBootstrap', [a, b]],
  ['stratifiedBootstrap', [a, b]],
  ['stratifiedBootstrap', [a, b], { seed: 1 }],
  ['meanInterval', a, b],
  ['meanInterval', a, 0.9],
  ['meanInterval', a, { alpha: 0.05 }],
  ['pairedDifference', a, b, 0.95],
  ['expectedCalibrationError', p, right, 10],
  ['expectedCalibrationError', p, right, { nBins: 10 }],
  ['reliabilityDiagram', p, right, metrics.equalMass],
  ['brierDecomposition', p, right, [0, 1]],
  ['bleu', 'a b', texts, 2],
  ['bleu', 'a b', texts, texts],
  ['bleu', 'a b', texts, { n: 2 }],
  ['corpusBleu', texts, [['a b'], ['b c']], 4],
  ['distinctN', texts, 1, texts],
  ['ngramEntropy', texts, 1, { tokenizer: metrics.mtevalTokens }],
  ['editDistance', 'a b', 'b c', 'c'],
  ['rougeL', 'a b', 'b c', metrics.rougeTokens],
  ['jaccardDiversity', texts, 1, 'word'],
  ['repetitionRate', 'a b', 1, 3],
  ['trailingLoop', 'a b', 2],
  ['vendiScore', rows, 2],
  ['vendiScore', rows, { q: 2 }],
  ['intrinsicDimension', rows, 0.1],
  ['mauveOfHistograms', half, half, 5],
  ['mauve', rows, rows],
  ['mauve', rows, rows, { uniform, k: 2 }],
  ['wilsonInterval', 3, 5, 0.9],
  ['semanticEntropy', ['1'], () => true, [[-1]]],
  ['totalVariation', a, b],
  ['entropy', a],
  ['normalizedEntropy', a],
  ['perplexity', [0.5, 0.5]],
  ['brierScore', p, [1, 0]],
  ['multiclassBrierScore', rows, [0, 1, 1]],
  ['selfBleu', 'a b c'],
  ['compressionRatio', texts, { level: 9 }],
];

describe('a call with the wrong things', () => {
  it.each(calls)('%s(%o, %o, %o): one clear error', async (...call) => {
    const [name, ...given] = call as [keyof typeof metrics, ...unknown[]];
    let thrown: unknown;
    try {
      await (metrics[name] as (...given: readonly unknown[]) => unknown)(...given);
    } catch (error) {
      thrown = error;
    }
    expect(isRefusal(thrown, [name]), String(thrown)).toBe(true);
    expect(String(thrown)).not.toContain('\n');
  });

  it('names what is missing and what was given', () => {
    expect(() => metrics.permutationTest(a, b, undefined as never)).toThrow(
      'permutationTest: options is undefined, expected an object of uniform, resamples',
    );
    expect(() => metrics.permutationTest(a, b, {} as never)).toThrow(
      'permutationTest: uniform is undefined, expected a function that gives numbers in [0, 1)',
    );
    expect(() => metrics.meanInterval(a, b as never)).toThrow(
      'meanInterval: options is a list, expected an object of level',
    );
  });
});
