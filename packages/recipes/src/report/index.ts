export { findings } from './findings.js';
export { renderHtml } from './html/index.js';
export { renderMarkdown } from './markdown.js';
export { summarize } from './summarize.js';
export { CFRL_ARM, STANDARD_ARM } from './types.js';

export type { Estimate } from './estimate.js';
export type {
  ArmSummary,
  BeforeAfter,
  Comparison,
  PairedDifference,
  ReportSummary,
} from './summarize.js';
export type { ArmData, ProbeRow, ReportInput, RunData, Sample, Stage, StepRow } from './types.js';
export type { Finding, FindingNumber, Verdict } from './verdict.js';
