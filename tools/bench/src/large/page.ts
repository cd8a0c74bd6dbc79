import type { StepOptions, StepReport } from './types.js';

/** Numbers of one setting. */
export interface Measured {
  readonly options: StepOptions;
  readonly report: StepReport;
}

const gibibytes = (mebibytes: number): string => (mebibytes / 1024).toFixed(1);

const row = ({ options, report }: Measured): string => {
  const { tokens, trained, seconds, peakMebibytes, losses } = report;
  const last = seconds.at(-1)!;
  return [
    options.lora ? 'adapters of rank 16' : 'all parameters',
    `${(trained / 1e6).toFixed(1)} M`,
    options.rematerialize ? 'yes' : 'no',
    `${gibibytes(peakMebibytes.steps.at(-1)!)} GiB`,
    `${last.toFixed(1)} s`,
    `${((1000 * last) / tokens).toFixed(1)} ms`,
    losses.map((loss) => loss.toFixed(2)).join(', '),
  ].join(' | ');
};

/** The page of what training takes. */
export function memoryPage(measured: readonly Measured[], machine: string): string {
  const [{ options, report }] = measured as readonly [Measured];
  return `# What training SmolLM2-135M takes

\`npm run bench:large\` wrote this page, on ${machine}, with ${report.threads} threads. It builds a model of SmolLM2-135M's sizes (${(report.parameters / 1e6).toFixed(1)} M
parameters, a vocabulary of 49,152, tied) with random weights, and takes ${options.steps} steps of AdamW with clipped gradients in float32. A step has ${report.tokens.toLocaleString('en')} tokens, in
${options.microBatches} micro-batches of ${options.rows} sequences of ${options.time}. Peak: the largest resident set of the whole process, with the graphs' making.

trained | parameters | blocks computed again | peak | last step | a token | loss before each step
--- | --- | --- | --- | --- | --- | ---
${measured.map(row).join('\n')}

- **Accumulation.** \`gradientSum\` adds a micro-batch's gradient to those before it, \`meanGradient\` divides by the tokens; both run compiled.
- **Rematerialisation.** \`bodyFeatures(params, config, input, { rematerialize: true })\` keeps the input of each block alone.
- **Logits.** \`classifierScores\` never has more than 2^23 logits at once.
- **Adapters.** Frozen parameters have neither gradients nor optimiser state, also where blocks are computed again.

The code is \`tools/bench/src/large/step.ts\`.
`;
}
