export { confidence, margin, surprisal, topKMass } from './confidence/confidence.js';
export {
  distributionPerplexity,
  entropy,
  normalizedEntropy,
  tokenEntropies,
  tokenEntropy,
} from './confidence/entropy.js';
export { renyiEntropy, tsallisEntropy, varentropy } from './confidence/generalized-entropy.js';
export { chainEntropy, positionEntropies, sequenceEntropy } from './confidence/sequence-entropy.js';
export type { Estimate, SequenceEntropy } from './confidence/sequence-entropy.js';
export { perplexity, sequenceConfidence } from './confidence/perplexity.js';
export { semanticEntropy } from './confidence/semantic-entropy.js';
export type { SemanticEntropy, SemanticEntropyOptions } from './confidence/semantic-entropy.js';
export {
  debiasedCalibrationError,
  expectedCalibrationError,
  maximumCalibrationError,
} from './calibration/calibration-error.js';
export { equalMass, equalWidth, reliabilityDiagram } from './calibration/reliability.js';
export type { Binning, CalibrationOptions, ReliabilityBin } from './calibration/reliability.js';
export { brierDecomposition, brierScore, multiclassBrierScore } from './calibration/brier.js';
export type { BrierDecomposition } from './calibration/brier.js';
export { auroc, averagePrecision } from './calibration/auroc.js';
export { riskCoverage, type RiskCoverage } from './calibration/risk-coverage.js';
export { fitTemperature, type TemperatureFit } from './calibration/temperature-scaling.js';
export { selfBleu, type SelfBleu } from './diversity/self-bleu.js';
export { bleu } from './diversity/bleu.js';
export type { BleuOptions } from './diversity/bleu-score.js';
export { corpusBleu, type CorpusBleu } from './diversity/corpus-bleu.js';
export {
  noSmoothing,
  smoothingMethod1,
  smoothingMethod2,
  smoothingMethod3,
  smoothingMethod4,
} from './diversity/smoothing.js';
export type { NgramPrecision, Smoothing } from './diversity/smoothing.js';
export { adjustedDistinct, distinctN, ngramEntropy, uniqueRatio } from './diversity/distinct.js';
export { rougeL, selfRougeL, type SelfSimilarity } from './diversity/rouge.js';
export { editDistance, editDiversity } from './diversity/edit-distance.js';
export { jaccardDiversity } from './diversity/jaccard.js';
export { type Loop, repetitionRate, trailingLoop } from './diversity/repetition.js';
export { compressionRatio } from './diversity/compression.js';
export type { Compress, CompressionOptions } from './diversity/compression.js';
export { type VendiOptions, vendiScore, vendiScoreOfKernel } from './diversity/vendi.js';
export { jensenShannonDivergence, klDivergence, totalVariation } from './divergence/divergence.js';
export { ngramDistributions } from './divergence/ngram-distributions.js';
export { mauve, mauveOfHistograms, type MauveOptions } from './divergence/mauve.js';
export { gPassAtK, meanGPassAtK, passAtK } from './success/pass-at-k.js';
export { consensus, majorityAtK } from './success/majority.js';
export { bestOfN } from './success/best-of-n.js';
export {
  centredMeanCosine,
  featureCosine,
  type FeatureCosine,
  meanCosine,
} from './geometry/cosine.js';
export {
  type FeatureDrift,
  featureDrift,
  kernelAlignment,
  kernelTargetAlignment,
} from './geometry/kernels.js';
export {
  classMeanSimplex,
  type ClassMeanSimplex,
  nearestMeanMismatch,
  selfDuality,
  withinClassVariability,
} from './geometry/neural-collapse.js';
export { anisotropy, centredVarianceRatio, embeddingDispersion } from './geometry/spread.js';
export { effectiveRank, participationRatio, stableRank } from './geometry/rank.js';
export { intrinsicDimension } from './geometry/intrinsic-dimension.js';
export type { IntrinsicDimensionOptions } from './geometry/intrinsic-dimension.js';
export { linearCka, procrustes } from './geometry/representation-similarity.js';
export { principalAngles } from './geometry/principal-angles.js';
export { interquartileMean, mean, standardDeviation } from './inference/mean.js';
export { meanInterval, pairedDifference } from './inference/mean-interval.js';
export type { MeanInterval, MeanIntervalOptions } from './inference/mean-interval.js';
export {
  bootstrap,
  hierarchicalBootstrap,
  pairedBootstrap,
  stratifiedBootstrap,
} from './inference/bootstrap.js';
export type {
  BootstrapEstimate,
  BootstrapIntervalOptions,
  BootstrapOptions,
  Nested,
} from './inference/bootstrap.js';
export { bca, percentile } from './inference/bootstrap-interval.js';
export type { BootstrapMethod, Replicates } from './inference/bootstrap-interval.js';
export { pairedPermutationTest, permutationTest } from './inference/permutation.js';
export type { PermutationOptions, PermutationTest } from './inference/permutation.js';
export { type ShareInterval, wilsonInterval } from './inference/wilson.js';
export { benjaminiHochberg, holm } from './inference/multiple-comparisons.js';
export { cohenD, hedgesG, probabilityOfImprovement } from './inference/effect-size.js';
export { kaplanMeier, stepsToThreshold } from './inference/survival.js';
export type { StepsToThreshold, SurvivalStep } from './inference/survival.js';
export { addMoment, mergeMoments, momentsDeviation, noMoments } from './inference/moments.js';
export type { Moments } from './inference/moments.js';
export { splitAtWhitespace } from './tokenization/tokens.js';
export type { Text, Token, Tokenize, TokenizeOptions } from './tokenization/tokens.js';
export {
  intlTokens,
  mtevalTokens,
  rougeTokens,
  splitCharacters,
  treebankTokens,
} from './tokenization/tokenizers.js';
