import type { Measured } from './worker.js';

const ms = (number: number): string => number.toPrecision(3);

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function partsTable({ parts, peakGflops }: Measured): string {
  const names = Object.keys(parts[0]!.parts);
  const header = ['', ...parts.map(({ size }) => size)];
  const products = (each: Measured['parts'][number]): number =>
    names
      .filter((name) => name.startsWith('products'))
      .reduce((sum, name) => sum + each.parts[name]!, 0);
  return [
    row(header),
    row(header.map(() => '---')),
    row(['**whole step, ms**', ...parts.map(({ step }) => `**${ms(step)}**`)]),
    ...names.map((name) => row([name, ...parts.map((each) => ms(each.parts[name]!))])),
    row([
      'all products, share of the step',
      ...parts.map((each) => `${Math.round((100 * products(each)) / each.step)} %`),
    ]),
    row(['products, GFLOP/s', ...parts.map(({ gflops }) => gflops.toFixed(0))]),
    row([
      'share of the peak',
      ...parts.map(({ gflops }) => `${Math.round((100 * gflops) / peakGflops)} %`),
    ]),
  ].join('\n');
}

/** The page on where the time goes. */
export function performancePage(measured: readonly Measured[], processor: string): string {
  const most = measured.at(-1)!;
  return `# Where the time goes

This page is written by \`npm run bench:profile\`; the comparison with other libraries is in [benchmarks.md](benchmarks.md). Measured on ${processor},
TensorFlow ${most.version}, float32.

## A training step

64 x 32 tokens: forward, backward, clipping to norm 1, AdamW; one graph that XLA compiled, ${most.threads} threads. Each part was compiled and measured by
itself, with its gradient, times how often a step has it. Parts are slower alone than in the step, where they fuse with their neighbours and
their results need not be handed over, so they add up to more than the step.

${partsTable(most)}

The roof is one product of 2048 x 2048 matrices: ${most.peakGflops.toFixed(0)} GFLOP/s. In the models S and M a step is products of matrices and little else, and those run near the
roof; only fewer or narrower numbers would make it much faster. In XS the products are too small to reach the roof, and attention (256 products of
32 x 16 by 16 x 32 a layer), norms and activations weigh more.

## What made it fast

- **One graph.** Operation by operation, TensorFlow.js pays 10 to 40 us of JavaScript and of TensorFlow's eager runtime for each of the 600 (XS) to 1,600 (M)
  operations of a step. \`compile\` pays once for all. It also frees what the graph does not need any more at once.
- **Fewer operations.** Norms, activations, attention, the scores of tokens and their gradients are written by hand from few operations; AdamW joins small
  tensors.
- **XLA** fuses what is elementwise with its neighbours. It takes some seconds and a few hundred MB once for each graph, so it is for loops of
  hundreds of steps: \`compile: 'xla'\`.
- **Loops inside.** Generation draws 16 tokens a call: the cache stays where it is, and nothing is read back between tokens.
- **Shapes that repeat.** Batches are padded to multiples of eight columns, caches have a fixed size, finished rows are dropped by halves: a few graphs serve
  a whole run.
- **No values in recording.** A graph is recorded by shapes alone: an operation is run only the first time that its kind and shapes occur.

What it costs: \`CFRL_LOG=compile\` prints a line a graph.

## How it scales

Training of four layers; the sizes that are not varied are 64 sequences of 32 tokens and width 128. Graphs without XLA.

![Tokens a second against sequences a batch](scaling-batch.svg)
![Tokens a second against tokens a sequence](scaling-time.svg)
![Tokens a second against width](scaling-width.svg)
`;
}
