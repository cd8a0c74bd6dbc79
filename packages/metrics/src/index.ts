export { bleu } from './diversity/bleu.js';
export type { BleuOptions } from './diversity/bleu.js';
export {
  bca,
  bootstrap,
  bootstrapInterval,
  hierarchicalBootstrap,
  pairedBootstrap,
  percentile,
  stratifiedBootstrap,
} from './inference/bootstrap.js';
export type {
  BootstrapEstimate,
  BootstrapIntervalOptions,
  BootstrapMethod,
  BootstrapOptions,
  Nested,
  Replicates,
} from './inference/bootstrap.js';
export {
  brierDecomposition,
  brierScore,
  debiasedCalibrationError,
  equalMass,
  equalWidth,
  expectedCalibrationError,
  maximumCalibrationError,
  multiclassBrierScore,
  reliabilityDiagram,
} from './calibration/calibration.js';
export type {
  Binning,
  BrierDecomposition,
  CalibrationOptions,
  ReliabilityBin,
} from './calibration/calibration.js';
export { chrF, selfChrf } from './diversity/chrf.js';
export { compressionRatio } from './diversity/compression.js';
export type { Compress, CompressionOptions } from './diversity/compression.js';
export {
  confidence,
  margin,
  sequenceConfidence,
  surprisal,
  topKMass,
} from './confidence/confidence.js';
export { corpusBleu } from './diversity/corpus-bleu.js';
export type { CorpusBleu } from './diversity/corpus-bleu.js';
export {
  anisotropy,
  embeddingDispersion,
  intrinsicDimension,
  stableRank,
} from './geometry/dimension.js';
export type { IntrinsicDimensionOptions } from './geometry/dimension.js';
export { auroc, averagePrecision, riskCoverage } from './calibration/discrimination.js';
export type { RiskCoverage } from './calibration/discrimination.js';
export {
  adjustedDistinct,
  distinctN,
  ngramCoverage,
  ngramEntropy,
  sampleCoverage,
  uniqueRatio,
} from './diversity/distinct.js';
export {
  jensenShannonDivergence,
  klDivergence,
  ngramDistributions,
  totalVariation,
} from './divergence/divergence.js';
export {
  chainEntropy,
  distributionPerplexity,
  entropy,
  normalizedEntropy,
  perplexity,
  positionEntropies,
  sequenceEntropy,
  tokenEntropies,
  tokenEntropy,
} from './confidence/entropy.js';
export type { Estimate, SequenceEntropy } from './confidence/entropy.js';
export { renyiEntropy, tsallisEntropy, varentropy } from './confidence/generalized-entropy.js';
export { centredVarianceRatio, featureCosine, meanCosine } from './geometry/cosine.js';
export type { FeatureCosine } from './geometry/cosine.js';
export {
  benjaminiHochberg,
  cliffsDelta,
  cohenD,
  hedgesG,
  holm,
  probabilityOfImprovement,
  wilsonInterval,
} from './inference/inference.js';
export type { ShareInterval } from './inference/inference.js';
export { mauve, mauveOfHistograms } from './divergence/mauve.js';
export type { MauveOptions } from './divergence/mauve.js';
export { addMoment, mergeMoments, momentsDeviation, noMoments } from './inference/moments.js';
export type { Moments } from './inference/moments.js';
export {
  editDistance,
  editDiversity,
  jaccardDiversity,
  rougeL,
  selfRougeL,
} from './diversity/pairwise.js';
export type { SelfSimilarity } from './diversity/pairwise.js';
export { passAtK } from './success/pass-at-k.js';
export { pairedPermutationTest, permutationTest } from './inference/permutation.js';
export type { PermutationOptions, PermutationTest } from './inference/permutation.js';
export { effectiveRank, participationRatio } from './geometry/rank.js';
export { repetitionRate, trailingLoop } from './diversity/repetition.js';
export type { Loop } from './diversity/repetition.js';
export { selfBleu } from './diversity/self-bleu.js';
export type { SelfBleu } from './diversity/self-bleu.js';
export { semanticEntropy } from './confidence/semantic-entropy.js';
export type { SemanticEntropy, SemanticEntropyOptions } from './confidence/semantic-entropy.js';
export {
  noSmoothing,
  smoothingMethod1,
  smoothingMethod2,
  smoothingMethod3,
  smoothingMethod4,
  smoothingMethod5,
  smoothingMethod6,
  smoothingMethod7,
} from './diversity/smoothing.js';
export type { NgramPrecision, Smoothing } from './diversity/smoothing.js';
export {
  interquartileMean,
  mean,
  meanInterval,
  pairedDifference,
  standardDeviation,
} from './inference/statistics.js';
export type { MeanInterval, MeanIntervalOptions } from './inference/statistics.js';
export { linearCka, principalAngles, procrustes } from './geometry/subspaces.js';
export { kaplanMeier, stepsToThreshold } from './inference/survival.js';
export type { StepsToThreshold, SurvivalStep } from './inference/survival.js';
export { fitTemperature } from './calibration/temperature.js';
export type { TemperatureFit } from './calibration/temperature.js';
export {
  intlTokens,
  mtevalTokens,
  rougeTokens,
  splitCharacters,
  treebankTokens,
} from './tokenization/tokenizers.js';
export { splitAtWhitespace } from './tokenization/tokens.js';
export type { Text, Token, Tokenize, TokenizeOptions } from './tokenization/tokens.js';
export { vendiScore, vendiScoreOfKernel } from './diversity/vendi.js';
export type { VendiOptions } from './diversity/vendi.js';
export { bestOfN, consensus, gPassAtK, majorityAtK, meanGPassAtK } from './success/votes.js';
