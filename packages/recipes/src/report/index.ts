export { findings } from './findings.js';
export { renderHtml } from './html/index.js';
export { renderMarkdown } from './markdown.js';
export { summarize } from './summarize.js';
export { CFRL_ARM, STANDARD_ARM } from '../run/row-types.js';

export type { Estimate } from './estimate.js';
export type {
  ArmSummary,
  BeforeAfter,
  Comparison,
  PairedDifference,
  ReportSummary,
} from './summarize.js';
export type { ProbeRow, RunData, Sample, Stage, StepRow } from '../run/row-types.js';
export type { ArmData, ReportInput } from './input.js';
export type { Finding, FindingNumber, Verdict } from './verdict.js';
