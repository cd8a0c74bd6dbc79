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

const halfTable = ({ half }: Measured): string =>
  [
    row(['product', 'float32', 'bfloat16', 'widened at each use']),
    row(['---', '--:', '--:', '--:']),
    ...half.map(({ shape: [n, i, o], float32, bfloat16, widened }) =>
      row([`[${n}, ${i}] x [${i}, ${o}]`, ms(float32), ms(bfloat16), ms(widened)]),
    ),
  ].join('\n');

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

## Where the memory goes

The largest part of a small model's memory is not its own. TensorFlow's library has 560 MB of code and names, of which loading it touches half; and while XLA
compiles a graph it holds all of its kernels at once in a form that takes more than a MB each. What keeps that small:

- **Few kernels.** Biases, gains and their moments cross the border of a compiled graph as one buffer, so that XLA does not make kernels for each of them:
  the step of M has 199 instead of 273.
- **Giving back.** After loading and after each compilation the engine returns freed memory and untouched pages of code to the system, and it
  bounds the number of heaps of the C library.
- **Temporary memory is one block**, planned by XLA; a graph's state stays in place between calls.

What was tried and is not used: XLA without its newer emitters of fusions takes 100 to 200 MB less while compiling, but decoding becomes 40 % slower; fewer
parallel compilations, and optimising for size, change little.

## Narrower weights

Weights in bfloat16 would take half the memory. In ms, by TensorFlow's own kernels, ${most.threads} threads:

${halfTable(most)}

Storing them so and widening them at each use costs more than it saves, most of all where a product waits for memory (one token at a time). Computing in bfloat16 is
faster only for large batches on processors that have instructions for it, and its 8 bits are too few for log-probabilities of which differences matter.
So weights are float32 in memory.

## How it scales

Training of four layers; the sizes that are not varied are 64 sequences of 32 tokens and width 128. Graphs without XLA.

![Tokens a second against sequences a batch](scaling-batch.svg)
![Tokens a second against tokens a sequence](scaling-time.svg)
![Tokens a second against width](scaling-width.svg)
`;
}
