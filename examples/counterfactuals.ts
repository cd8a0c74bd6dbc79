/**
 * Whether an attribution says what would have happened: each sample, each layer's update, and the updates of R and of G are left out of a
 * real step of a small model, and what that changes is compared with what was attributed, for larger and larger steps and for more of them.
 *
 *     npx pnpm --dir examples run counterfactuals [SEED]
 */
import { randomInt, rng, useBackend } from '@cfrl/engine';
import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
import {
  type Counterfactuals,
  type SequenceStep,
  entropyFunctional,
  logProbFunctional,
  stepCounterfactuals,
} from '@cfrl/ntk';
import { sequenceModel } from '@cfrl/recipes';

await useBackend();
const seed = Number(process.argv[2] ?? 0);
const tokenizer = charTokenizer('0123456789+=');
const config = modelConfig({
  architecture: 'llama',
  ...{ vocabSize: tokenizer.vocabSize, hiddenSize: 16, layers: 2, heads: 2, maxPositions: 8 },
  initializerRange: 0.2,
});
const model = sequenceModel({ config, params: initParams(config, seed), tokenizer });

const source = rng(seed);
const draw = (): number[] => Array.from({ length: 6 }, () => randomInt(source, 12));
const contexts = Array.from({ length: 6 }, () => ({ tokens: draw(), positions: [1, 2, 4] }));
const sequences = Array.from({ length: 12 }, (_, i) => {
  const weight = (i % 2 === 0 ? 1 : -1) * (0.5 + source.next());
  return { tokens: draw(), positions: [2, 3, 4], weights: [weight, weight, weight] };
});
const step = (learningRate: number): SequenceStep => ({ sequences, learningRate, completions: 12 });

const show = (tried?: Counterfactuals): string =>
  (tried?.rankCorrelation?.toFixed(3) ?? '-').padStart(11);
const meanSize = (rows: readonly (readonly number[])[]): number => {
  const all = rows.flat();
  return all.reduce((sum, value) => sum + Math.abs(value), 0) / all.length;
};
console.log('rank correlation of what was attributed and what leaving it out showed; effect: mean |change| by a sample, nats\n'); // prettier-ignore
for (const functional of [entropyFunctional(), logProbFunctional()]) {
  console.log(`${functional.name.padEnd(16)}   steps     sample      layer    R and G     cosine     effect`); // prettier-ignore
  for (const [factor, steps] of [
    [1, 1],
    [10, 1],
    [100, 1],
    [1, 10],
    [1, 100],
  ] as const) {
    const given = step(0.001 * factor);
    const tried = await stepCounterfactuals(model, contexts, given, functional, { steps });
    const { samples, layers, components, cosine } = tried;
    console.log(
      `learning rate x${String(factor).padEnd(3)}${String(steps).padStart(6)}${show(samples)}${show(layers)}${show(components)}${show(cosine)}` +
        meanSize(samples.measured).toExponential(1).padStart(11),
    );
  }
  console.log();
}
