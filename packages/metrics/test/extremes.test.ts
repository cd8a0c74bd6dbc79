import * as metrics from '@cfrl/metrics';
import { everyNumber, isRefusal, variations } from '@cfrl/testkit';
import { describe, expect, it } from 'vitest';

/** Park and Miller's generator. */
let state = 7;
const uniform = (): number => (state = (state * 16807) % 2147483647) / 2147483647;
const texts = ['a b c a', 'a b d', 'c b a c'];
const features = [
  [1, 0.5, 0],
  [0.2, 2, 1],
  [-1, 0.3, 2],
  [0.7, -0.4, 1],
];
const kernel = features.map((a) =>
  features.map((b) => a.reduce((sum, x, d) => sum + x * b[d]!, 0)),
);
const others = [
  [0.3, 1],
  [1, -2],
  [2, 0.1],
  [0.5, 0.6],
];
const logits = [1, 0, -Infinity, 0.5];
const logProbs = [
  [-1, -0.5],
  [-2, -0.1],
];
const probabilities = [0.9, 0.2, 0.6, 0.7];
const correct = [true, false, true, false];
const values = [0.5, 2, 1, 3];
const precisions = [
  { matches: 3, total: 4 },
  { matches: 1, total: 3 },
  { matches: 0, total: 2 },
];
const replicates = Float64Array.of(0.1, 0.5, 0.9, 1.2);
const moments = { n: 2, mean: 1, squares: 0.5, min: 0.5, max: 1.5 };

/** One call of each function that has a result. */
const calls: Readonly<Record<string, readonly unknown[]>> = {
  addMoment: [moments, 2],
  adjustedDistinct: [texts, 1, 10],
  anisotropy: [features],
  auroc: [probabilities, correct],
  averagePrecision: [probabilities, correct],
  bca: [{ replicates, estimate: 0.6, level: 0.9, jackknife: () => Float64Array.of(0.1, 0.5, 1) }],
  benjaminiHochberg: [[0.01, 0.5, 0.2]],
  bestOfN: [values, 2, probabilities],
  bleu: ['a b c d', ['a b d d', 'a b c c']],
  bootstrap: [
    values,
    (drawn: readonly number[]) => drawn[0]!,
    { uniform, resamples: 20, interval: metrics.percentile },
  ],
  brierDecomposition: [probabilities, correct, { bins: 2 }],
  brierScore: [probabilities, correct],
  centredMeanCosine: [features],
  centredVarianceRatio: [features],
  chainEntropy: [[[0.5, 1], [0.1]]],
  classMeanSimplex: [features, [0, 0, 1, 1]],
  cohenD: [values, [1, 2]],
  compressionRatio: [texts],
  confidence: [logits],
  consensus: [['1', '2', '1'], (answer: string) => answer === '1'],
  corpusBleu: [
    ['a b c d', 'b c'],
    [['a b d d', 'a b c c'], ['b d']],
  ],
  debiasedCalibrationError: [probabilities, correct, { bins: 2 }],
  distributionPerplexity: [[0.5, 0.25, 0.25]],
  distinctN: [texts, 2],
  editDistance: ['a b', 'b c'],
  editDiversity: [texts],
  effectiveRank: [features],
  embeddingDispersion: [features],
  entropy: [[0.5, 0.25, 0.25]],
  equalMass: [probabilities, 2],
  equalWidth: [probabilities, 2],
  expectedCalibrationError: [probabilities, correct],
  featureCosine: [features],
  featureDrift: [features, features.map((row) => row.map((x) => x + 1))],
  fitTemperature: [
    [logits.slice(0, 2), [0, 2], [1, 0]],
    [0, 1, 1],
  ],
  gPassAtK: [4, 2, 2, 0.5],
  hedgesG: [values, [1, 2]],
  hierarchicalBootstrap: [[values, [1, 2]], { uniform, resamples: 20 }],
  holm: [[0.01, 0.5, 0.2]],
  interquartileMean: [values],
  intlTokens: ['a, b'],
  intrinsicDimension: [features],
  jaccardDiversity: [texts, 1],
  jensenShannonDivergence: [
    [0.5, 0.5],
    [0.25, 0.75],
  ],
  kaplanMeier: [
    [1, 2, 3],
    [true, false, true],
  ],
  kernelAlignment: [kernel, kernel.map((row) => row.map((x) => x ** 2))],
  kernelTargetAlignment: [kernel, [0, 0, 1, 1]],
  klDivergence: [
    [0.5, 0.5],
    [0.25, 0.75],
  ],
  linearCka: [features, others],
  majorityAtK: [['1', '2', '1'], (answer: string) => answer === '1', 2],
  margin: [logits],
  mauve: [features, features.map((row) => row.map((x) => x + 1)), { uniform, clusters: 2 }],
  mauveOfHistograms: [
    [0.5, 0.5],
    [0.25, 0.75],
  ],
  maximumCalibrationError: [probabilities, correct],
  mean: [values],
  meanCosine: [features],
  meanGPassAtK: [4, 2, 2],
  meanInterval: [values],
  mergeMoments: [moments, moments],
  momentsDeviation: [moments],
  mtevalTokens: ['a, b'],
  multiclassBrierScore: [
    [
      [0.5, 0.5, 0],
      [0.25, 0.25, 0.5],
    ],
    [0, 2],
  ],
  nearestMeanMismatch: [features, [0, 0, 1, 1], features.slice(0, 2)],
  ngramDistributions: [[texts, ['a b e']], 1],
  ngramEntropy: [texts, 1],
  noSmoothing: [precisions],
  normalizedEntropy: [[0.5, 0.25, 0.25]],
  pairedBootstrap: [values, [1, 2, 3, 5], { uniform, resamples: 20 }],
  pairedDifference: [values, [1, 2, 3, 5]],
  pairedPermutationTest: [values, [1, 2, 3, 5], { uniform }],
  participationRatio: [features],
  passAtK: [4, 2, 2],
  percentile: [{ replicates, estimate: 0.6, level: 0.9, jackknife: () => replicates }],
  permutationTest: [values, [1, 2], { uniform }],
  perplexity: [logProbs[0]],
  positionEntropies: [logProbs],
  principalAngles: [features.slice(0, 2), features.slice(2)],
  probabilityOfImprovement: [values, [1, 2]],
  procrustes: [features, others],
  reliabilityDiagram: [probabilities, correct],
  renyiEntropy: [logits, 2],
  repetitionRate: ['a b a b', 1],
  riskCoverage: [probabilities, correct],
  rougeL: ['a b c', 'a c'],
  rougeTokens: ['a, b'],
  selfBleu: [texts],
  selfRougeL: [texts],
  selfDuality: [features, [0, 0, 1, 1], features.slice(0, 2)],
  semanticEntropy: [['1', '2', '1'], (a: string, b: string) => a === b],
  sequenceConfidence: [logProbs[0]],
  sequenceEntropy: [logProbs],
  smoothingMethod1: [precisions, 0.1],
  smoothingMethod2: [precisions],
  smoothingMethod3: [precisions],
  smoothingMethod4: [precisions],
  splitAtWhitespace: ['a b'],
  splitCharacters: ['a b'],
  stableRank: [features],
  standardDeviation: [values],
  stepsToThreshold: [
    [
      [
        [0, 0.1],
        [10, 0.6],
      ],
      [
        [0, 0.2],
        [10, 0.3],
      ],
    ],
    0.5,
  ],
  stratifiedBootstrap: [[values, [1, 2, 3, 4]], { uniform, resamples: 20 }],
  surprisal: [logits, 1],
  tokenEntropies: [logits, 2],
  tokenEntropy: [logits],
  topKMass: [logits, 2],
  totalVariation: [
    [0.5, 0.5],
    [0.25, 0.75],
  ],
  trailingLoop: ['a b a b'],
  treebankTokens: ['a, b'],
  tsallisEntropy: [logits, 2],
  uniqueRatio: [texts],
  varentropy: [logits],
  vendiScore: [features],
  vendiScoreOfKernel: [
    [
      [1, 0.5],
      [0.5, 1],
    ],
  ],
  wilsonInterval: [8, 10],
  withinClassVariability: [features, [0, 0, 1, 1]],
};

const hasNaN = (value: unknown): boolean => !everyNumber(value, (x) => !Number.isNaN(x));

/** What to put where something is. */
function extremesFor(value: unknown): readonly unknown[] {
  if (typeof value === 'number') {
    return [NaN, Infinity, -Infinity, -1, 0, 0.5, 1e-320, 1e308, -1e308, 2 ** 53];
  }
  if (Array.isArray(value)) {
    const first: unknown = value[0];
    return [[], [first], Array(5).fill(first), [...value, first], [NaN], [NaN, NaN]];
  }
  if (ArrayBuffer.isView(value)) return [new Float64Array(0), Float64Array.of(NaN, 1)];
  if (typeof value === 'string') return ['', ' ', '\0', '\ud800', 'a'.repeat(10_000)];
  return [];
}

const called = (name: string, given: readonly unknown[]): unknown =>
  (metrics[name as keyof typeof metrics] as (...given: unknown[]) => unknown)(...given);

const functions = Object.keys(metrics).filter(
  (name) => typeof metrics[name as keyof typeof metrics] === 'function',
);

describe('extremes', () => {
  it('are tried on every function', async () => {
    expect(Object.keys(calls).sort()).toEqual(functions.sort());
  });

  it.each(functions)('give a value or the one error: %s', async (name) => {
    const given = calls[name]!;
    const plain = await called(name, given);
    expect(plain).toBeDefined();
    expect(hasNaN(plain)).toBe(false);
    const wrong: string[] = [];
    for (const { at, extreme, changed } of variations(given, extremesFor)) {
      try {
        if (hasNaN(await called(name, changed))) wrong.push(`${at} = ${String(extreme)}: NaN`);
      } catch (error) {
        if (!isRefusal(error, [name])) wrong.push(`${at} = ${String(extreme)}: ${String(error)}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('a million entries', () => {
  const million = 1_000_000;
  const numbers = Float64Array.from({ length: million }, (_, i) => (i * 7919) % 1000);
  const reversed = numbers.slice().reverse();
  const shares = Array.from(numbers, (x) => x / 1000);
  const right = shares.map((x, i) => x > (i % 10) / 10);
  const negative = numbers.map((x) => -x / 1000);
  const uniformOver = new Float64Array(million).fill(1 / million);
  const words = Array.from(numbers, (x) => `w${x}`);
  const manyTexts = Array.from(numbers, (x) => `a${x % 100} b${x % 7}`);
  const manyRows = Array.from(negative, (x) => [x, x / 2]);

  const large: readonly (readonly [string, readonly unknown[]])[] = [
    ['auroc', [shares, right]],
    ['averagePrecision', [shares, right]],
    ['benjaminiHochberg', [shares]],
    ['bestOfN', [numbers, 4]],
    ['brierDecomposition', [shares, right]],
    ['brierScore', [shares, right]],
    ['chainEntropy', [manyRows.map((row) => row.map((x) => -x))]],
    ['cohenD', [numbers, negative]],
    ['compressionRatio', [[words.join(' ')]]],
    ['confidence', [numbers]],
    ['consensus', [words, (answer: string) => answer === 'w7']],
    [
      'corpusBleu',
      [manyTexts.slice(0, 100_000), manyTexts.slice(0, 100_000).map((text) => [text])],
    ],
    ['debiasedCalibrationError', [shares, right]],
    ['distinctN', [manyTexts, 2]],
    ['embeddingDispersion', [manyRows]],
    ['entropy', [uniformOver]],
    ['expectedCalibrationError', [shares, right, { binning: metrics.equalMass }]],
    ['hedgesG', [numbers, negative]],
    ['holm', [shares]],
    ['interquartileMean', [numbers]],
    ['jensenShannonDivergence', [uniformOver, uniformOver]],
    ['distributionPerplexity', [uniformOver]],
    ['kaplanMeier', [numbers, right]],
    ['klDivergence', [uniformOver, uniformOver]],
    ['majorityAtK', [words, (answer: string) => answer === 'w7', 3]],
    ['margin', [numbers]],
    ['mean', [numbers]],
    ['meanCosine', [manyRows.map(([a, b]) => [a! + 1, b! - 1])]],
    ['meanInterval', [numbers]],
    ['multiclassBrierScore', [shares.map((x) => [x, 1 - x]), right.map(Number)]],
    ['ngramEntropy', [[words], 3]],
    ['normalizedEntropy', [uniformOver]],
    ['pairedDifference', [numbers, reversed]],
    ['permutationTest', [numbers, reversed, { uniform, resamples: 10 }]],
    ['perplexity', [negative]],
    ['positionEntropies', [manyRows]],
    ['probabilityOfImprovement', [numbers, reversed]],
    ['reliabilityDiagram', [shares, right]],
    ['renyiEntropy', [numbers, 2]],
    ['repetitionRate', [words, 4]],
    ['riskCoverage', [shares, right]],
    ['selfBleu', [[words.slice(0, million / 2), words.slice(million / 2)]]],
    ['semanticEntropy', [shares.map((x) => x > 0.5), (a: boolean, b: boolean) => a === b]],
    ['sequenceConfidence', [negative]],
    ['sequenceEntropy', [manyRows]],
    ['splitAtWhitespace', [words.join(' ')]],
    ['standardDeviation', [numbers]],
    ['stratifiedBootstrap', [manyRows, { uniform, resamples: 2 }]],
    ['surprisal', [numbers, 7]],
    ['tokenEntropies', [numbers, 1000]],
    ['tokenEntropy', [numbers]],
    ['topKMass', [numbers, 1000]],
    ['totalVariation', [uniformOver, uniformOver]],
    ['trailingLoop', [words]],
    ['tsallisEntropy', [numbers, 2]],
    ['uniqueRatio', [manyTexts]],
    ['varentropy', [numbers]],
  ];

  it.each(large)('are taken by %s', async (name, given) => {
    expect(hasNaN(await called(name, given))).toBe(false);
  });
});
