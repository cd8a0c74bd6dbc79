import { table } from '../page.js';
import type { StepOptions, StepReport } from './step.js';

/** Numbers of one setting. */
export interface Measured {
  readonly options: StepOptions;
  readonly report: StepReport;
}

const columns = {
  trained: ({ options }: Measured) => (options.lora ? 'adapters of rank 16' : 'all parameters'),
  parameters: ({ report }: Measured) => `${(report.trained / 1e6).toFixed(1)} M`,
  'blocks computed again': ({ options }: Measured) => (options.rematerialize ? 'yes' : 'no'),
  peak: ({ report }: Measured) => `${(report.peakMebibytes / 1024).toFixed(1)} GiB`,
  'last step': ({ report }: Measured) => `${report.seconds.at(-1)!.toFixed(1)} s`,
  'a token': ({ report: { seconds, tokens } }: Measured) =>
    `${((1000 * seconds.at(-1)!) / tokens).toFixed(1)} ms`,
  'loss before each step': ({ report }: Measured) =>
    report.losses.map((loss) => loss.toFixed(2)).join(', '),
};

/** The part of docs/training-memory.md that is measured. */
export function memoryPart(measured: readonly Measured[], machine: string): string {
  const [{ options, report }] = measured as readonly [Measured];
  return `\`npm run bench:large\` wrote this part, on ${machine}, with ${report.threads} threads. It builds a model of SmolLM2-135M's sizes (${(report.parameters / 1e6).toFixed(1)} M
parameters, a vocabulary of 49,152, tied) with random weights, and takes ${options.steps} steps of AdamW with clipped gradients in float32. A step has ${report.tokens.toLocaleString('en')} tokens, in
${options.microBatches} micro-batches of ${options.rows} sequences of ${options.time}. Peak: the largest resident set of the whole process, with the graphs' making.

${table(
  Object.keys(columns),
  measured.map((each) => Object.values(columns).map((cell) => cell(each))),
)}`;
}
