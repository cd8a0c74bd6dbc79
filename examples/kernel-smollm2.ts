/**
 * The kernel of a real model: SmolLM2-135M-Instruct, untied, on 64 sequences of 32 tokens. R exactly, norms and traces of G by layer and by
 * kind of parameter with 95 % intervals, and what it took.
 *
 *     npx pnpm --dir examples run kernel-smollm2 [SEQUENCES] [TOKENS]
 */
import { disposeParams, useBackend } from '@cfrl/engine';
import { stderrProgress } from '@cfrl/engine/node';
import { fetchSmolLM2 } from '@cfrl/fixtures';
import { generate, untie } from '@cfrl/model';
import { loadPretrained } from '@cfrl/model/node';
import { type Interval, sketchDecomposition } from '@cfrl/ntk';
import { sequenceModel } from '@cfrl/recipes';

const [count = 64, length = 32] = process.argv.slice(2).map(Number);

await useBackend();
const loaded = await loadPretrained(await fetchSmolLM2(stderrProgress()));
const model = untie(loaded);
disposeParams(loaded.params);

// What the model writes by itself, sequence after sequence.
const completions = await generate(model, [[1]], {
  ...{ groupSize: count, maxNewTokens: length - 1, seed: 0, stopTokens: [] },
});
const sequences = completions.map(({ promptTokens, tokens }) => ({
  tokens: [...promptTokens, ...tokens],
}));

const start = performance.now();
const { representation, gradient, layers, kinds } = await sketchDecomposition(
  sequenceModel(model),
  sequences,
  {
    onProgress: ({ done, total }) => process.stderr.write(`\r${done} of ${total} passes`),
  },
);
const seconds = (performance.now() - start) / 1000;
process.stderr.write('\n');

const diagonal = (rows: readonly (readonly number[])[]): number =>
  rows.reduce((sum, row, i) => sum + row[i]!, 0) / rows.length;
const shown = ({ value, low, high }: Interval): string =>
  `${value.toExponential(2)} [${low.toExponential(2)}, ${high.toExponential(2)}]`.padEnd(34);
console.log('of a sequence with itself   trace                             norm');
console.log(
  `R (exact)             ${diagonal(representation.trace).toExponential(2).padEnd(34)}${diagonal(representation.norm).toExponential(2)}`,
);
for (const [name, { trace, norm }] of Object.entries({ G: gradient, ...layers, ...kinds })) {
  console.log(`${name.padEnd(22)}${shown(trace.self)}${shown(norm.self)}`);
}
const peak = process.resourceUsage().maxRSS / 2 ** 20;
console.log(
  `${sequences.length} sequences of ${length} tokens: ${seconds.toFixed(0)} s, ${peak.toFixed(1)} GiB at most`,
);
