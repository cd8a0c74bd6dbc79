export { bleu } from './bleu.js';
export type { BleuOptions } from './bleu.js';
export {
  bca,
  bootstrap,
  bootstrapInterval,
  hierarchicalBootstrap,
  pairedBootstrap,
  percentile,
  stratifiedBootstrap,
} from './bootstrap.js';
export type {
  BootstrapEstimate,
  BootstrapIntervalOptions,
  BootstrapMethod,
  BootstrapOptions,
  Nested,
  Replicates,
} from './bootstrap.js';
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
} from './calibration.js';
export type {
  Binning,
  BrierDecomposition,
  CalibrationOptions,
  ReliabilityBin,
} from './calibration.js';
export { chrF, selfChrf } from './chrf.js';
export { compressionRatio } from './compression.js';
export type { Compress, CompressionOptions } from './compression.js';
export { confidence, margin, sequenceConfidence, surprisal, topKMass } from './confidence.js';
export { corpusBleu } from './corpus-bleu.js';
export type { CorpusBleu } from './corpus-bleu.js';
export { anisotropy, embeddingDispersion, intrinsicDimension, stableRank } from './dimension.js';
export type { IntrinsicDimensionOptions } from './dimension.js';
export { auroc, averagePrecision, riskCoverage } from './discrimination.js';
export type { RiskCoverage } from './discrimination.js';
export {
  adjustedDistinct,
  distinctN,
  ngramCoverage,
  ngramEntropy,
  sampleCoverage,
  uniqueRatio,
} from './distinct.js';
export {
  jensenShannonDivergence,
  klDivergence,
  ngramDistributions,
  totalVariation,
} from './divergence.js';
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
} from './entropy.js';
export type { Estimate, SequenceEntropy } from './entropy.js';
export { renyiEntropy, tsallisEntropy, varentropy } from './generalized-entropy.js';
export { centredVarianceRatio, featureCosine, meanCosine } from './geometry.js';
export type { FeatureCosine } from './geometry.js';
export {
  benjaminiHochberg,
  cliffsDelta,
  cohenD,
  hedgesG,
  holm,
  probabilityOfImprovement,
  wilsonInterval,
} from './inference.js';
export type { ShareInterval } from './inference.js';
export { mauve, mauveOfHistograms } from './mauve.js';
export type { MauveOptions } from './mauve.js';
export { addMoment, mergeMoments, momentsDeviation, noMoments } from './moments.js';
export type { Moments } from './moments.js';
export { editDistance, editDiversity, jaccardDiversity, rougeL, selfRougeL } from './pairwise.js';
export type { SelfSimilarity } from './pairwise.js';
export { passAtK } from './pass-at-k.js';
export { pairedPermutationTest, permutationTest } from './permutation.js';
export type { PermutationOptions, PermutationTest } from './permutation.js';
export { effectiveRank, participationRatio } from './rank.js';
export { repetitionRate, trailingLoop } from './repetition.js';
export type { Loop } from './repetition.js';
export { selfBleu } from './self-bleu.js';
export type { SelfBleu } from './self-bleu.js';
export { semanticEntropy } from './semantic-entropy.js';
export type { SemanticEntropy, SemanticEntropyOptions } from './semantic-entropy.js';
export {
  noSmoothing,
  smoothingMethod1,
  smoothingMethod2,
  smoothingMethod3,
  smoothingMethod4,
  smoothingMethod5,
  smoothingMethod6,
  smoothingMethod7,
} from './smoothing.js';
export type { NgramPrecision, Smoothing } from './smoothing.js';
export {
  interquartileMean,
  mean,
  meanInterval,
  pairedDifference,
  standardDeviation,
} from './statistics.js';
export type { MeanInterval, MeanIntervalOptions } from './statistics.js';
export { linearCka, principalAngles, procrustes } from './subspaces.js';
export { kaplanMeier, stepsToThreshold } from './survival.js';
export type { StepsToThreshold, SurvivalStep } from './survival.js';
export { fitTemperature } from './temperature.js';
export type { TemperatureFit } from './temperature.js';
export {
  intlTokens,
  mtevalTokens,
  rougeTokens,
  splitCharacters,
  treebankTokens,
} from './tokenizers.js';
export { splitAtWhitespace } from './tokens.js';
export type { Text, Token, Tokenize, TokenizeOptions } from './tokens.js';
export { vendiScore, vendiScoreOfKernel } from './vendi.js';
export type { VendiOptions } from './vendi.js';
export { bestOfN, consensus, gPassAtK, majorityAtK, meanGPassAtK } from './votes.js';
