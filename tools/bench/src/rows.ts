import { type Compare, absolute, every, greedy, relative } from './measure/compare.js';
import { memory } from './measure/memory.js';
import { time } from './measure/time.js';
import type { Measure } from './measure/types.js';
import type { Json } from './worker/protocol.js';
import { type Model, models } from './work/sizes.js';
import { decoding, selfBleuTexts, smollm2 } from './work/work.js';
import type { WorkerName } from './worker/workers.js';

/** One side of a row: a program of a worker. */
export interface Side {
  readonly label: string;
  readonly worker: WorkerName;
  readonly program: string;
  readonly options: Json;
  /** Units of work an iteration of this side, where it is not the row's. */
  readonly per?: number;
}

/** One comparison: data, a program on each side, and how the two are compared and measured. */
export interface Row {
  readonly name: string;
  readonly model: Model;
  readonly against: string;
  /** The largest ratio ours/theirs that meets the goal. */
  readonly goal: number;
  readonly unit: string;
  /** Units of work an iteration: samples are divided by it. */
  readonly per: number;
  readonly ours: Side;
  /** One, or several of which the fastest counts. */
  readonly theirs: readonly Side[];
  readonly compare: Compare;
  readonly measure: Measure;
}

type Kind = Omit<Row, 'model' | 'goal'> & {
  readonly goals: Readonly<Partial<Record<Model, number>>>;
};

type Options = Readonly<Record<string, Json>>;

const ours = (program: string, options: Options = {}): Kind['ours'] => ({
  ...{ label: 'cfrl', worker: 'ours', program, options },
});

/** Each distinct-n and entropy beside a loop that adds up the same tokens. */
const besideBareLoop = (program: string): Kind => ({
  name: program,
  against: 'a bare loop',
  goals: { '-': 3 },
  ...{ unit: 'ms', per: 1, measure: time },
  ours: ours(program),
  theirs: [{ label: 'sum of the tokens', worker: 'ours', program: 'bare-loop', options: {} }],
  compare: absolute('sum', 0),
});

const selfBleuOf = (library: string, per: number): Side => ({
  ...{ label: library, worker: 'torch', program: 'self_bleu', options: { library }, per },
});

const grpoCompare = every(
  absolute('logProbs', 1e-4),
  absolute('logProbsAfterStep', 1e-4),
  relative('entropy', 1e-4),
  relative('reward', 1e-6),
);

const transformers = (program: string): readonly Side[] => [
  { label: 'transformers', worker: 'transformers', program, options: {} },
];

/** Generation with SmolLM2-135M: its own prompts, the two sides as in `decoding`. */
const ofSmolLM2 = (name: string, goal: number, work: Readonly<Record<string, number>>): Kind => ({
  name,
  against: 'transformers',
  goals: { SmolLM2: goal },
  ...{ unit: name === 'prefill' ? 'ms' : 'ms a token', per: work['newTokens']!, measure: time },
  ours: ours('smollm2-generate', work),
  theirs: transformers('decoding_transformers'),
  compare: greedy(work['newTokens']!, 0.05, 1e-3),
});

const trl: readonly Side[] = [{ label: 'TRL', worker: 'trl', program: 'grpo_step', options: {} }];

const kinds: readonly Kind[] = [
  {
    name: 'training-step',
    against: 'PyTorch',
    goals: { XS: 0.8, S: 0.9, M: 1 },
    ...{ unit: 'ms', per: 1, measure: time },
    ours: ours('training-step'),
    theirs: [
      { label: 'eager', worker: 'torch', program: 'training_step', options: { compile: false } },
      {
        label: 'torch.compile',
        worker: 'torch',
        program: 'training_step',
        options: { compile: true },
      },
    ],
    compare: relative('losses', 1e-4),
  },
  {
    name: 'decoding',
    against: 'PyTorch',
    goals: { XS: 0.9, S: 0.9, M: 1 },
    ...{ unit: 'ms a token', per: decoding.newTokens, measure: time },
    ours: ours('decoding'),
    theirs: [{ label: 'PyTorch', worker: 'torch', program: 'decoding', options: {} }],
    compare: greedy(decoding.newTokens, 0.05, 1e-4),
  },
  {
    name: 'decoding',
    against: 'transformers',
    goals: { XS: 0.45, S: 0.6, M: 0.8 },
    ...{ unit: 'ms a token', per: decoding.newTokens, measure: time },
    ours: ours('decoding'),
    theirs: transformers('decoding_transformers'),
    compare: greedy(decoding.newTokens, 0.05, 1e-4),
  },
  {
    name: 'grpo-step',
    against: 'TRL',
    goals: { XS: 0.33, S: 0.5, M: 0.6 },
    ...{ unit: 'ms', per: 1, measure: time },
    ours: ours('grpo-step'),
    theirs: trl,
    compare: grpoCompare,
  },
  {
    name: 'grpo-memory',
    against: 'TRL',
    goals: { XS: 0.6, S: 0.6, M: 0.7 },
    ...{ unit: 'MiB', per: 1, measure: memory },
    ours: ours('grpo-step'),
    theirs: trl,
    compare: grpoCompare,
  },
  {
    name: 'tokenizing',
    against: 'tokenizers (Rust)',
    // It has no model; the rows of M have a vocabulary as models have.
    goals: { M: 2 },
    ...{ unit: 'ms', per: 1, measure: time },
    ours: ours('tokenizing'),
    theirs: [
      { label: 'tokenizers (Rust)', worker: 'transformers', program: 'tokenizing', options: {} },
    ],
    compare: every(absolute('tokens', 0), absolute('checksum', 0)),
  },
  {
    name: 'training-step-wasm',
    against: 'our own native',
    goals: { XS: 12, S: 12 },
    ...{ unit: 'ms', per: 1, measure: time },
    ours: {
      ...{ label: 'cfrl on WebAssembly', worker: 'wasm', program: 'training-step', options: {} },
    },
    theirs: [{ label: 'cfrl', worker: 'ours', program: 'training-step', options: {} }],
    compare: relative('losses', 1e-4),
  },
  {
    name: 'loading',
    against: 'transformers',
    goals: { SmolLM2: 1 },
    ...{ unit: 'ms', per: 1, measure: time },
    ours: ours('loading'),
    theirs: transformers('loading'),
    compare: relative('sums', 1e-3),
  },
  ofSmolLM2('prefill', 1.1, smollm2.prefill),
  ...[1, 8, 32].map((batch) => ofSmolLM2(`decoding-${batch}`, 0.8, { batch, ...smollm2.decoding })),
  {
    name: 'self-bleu',
    against: 'NLTK',
    goals: { '-': 0.001 },
    ...{ unit: 'ms a completion', per: selfBleuTexts.texts, measure: time },
    ours: ours('self-bleu'),
    theirs: [selfBleuOf('nltk', 1)],
    compare: absolute('scores', 1e-9),
  },
  {
    name: 'self-bleu',
    against: 'other implementations',
    goals: { '-': 0.1 },
    ...{ unit: 'ms a completion', per: selfBleuTexts.texts, measure: time },
    ours: ours('self-bleu'),
    theirs: [selfBleuOf('fast-bleu', selfBleuTexts.texts), selfBleuOf('sacrebleu', 1)],
    compare: absolute('scores', 1e-9),
  },
  ...['distinct-1', 'distinct-2', 'ngram-entropy'].map(besideBareLoop),
  {
    name: 'logit-entropy',
    against: 'numpy',
    goals: { '-': 1.5 },
    ...{ unit: 'ms', per: 1, measure: time },
    ours: ours('logit-entropy'),
    theirs: [
      { label: 'all rows', worker: 'torch', program: 'logit_entropy', options: { block: 0 } },
      { label: '4 rows', worker: 'torch', program: 'logit_entropy', options: { block: 4 } },
    ],
    compare: relative('entropies', 1e-4),
  },
];

const of = (model: Model, side: Side): Side => ({
  ...side,
  options: { ...(side.options as Options), size: model },
});

/** Every row, model after model within a kind. Our own programs are told the model. */
export const rows: readonly Row[] = kinds.flatMap(({ goals, ...kind }) =>
  models
    .filter((model) => goals[model] !== undefined)
    .map((model) => ({
      ...kind,
      ...{ model, goal: goals[model]! },
      ours: of(model, kind.ours),
      theirs: kind.theirs.map((side) => of(model, side)),
    })),
);

/** `training-step S against PyTorch` */
export const titleOf = ({ name, model, against }: Row): string =>
  `${name}${model === '-' ? '' : ` ${model}`} against ${against}`;

/**
 * The rows that are asked for.
 *
 * @param names - of rows, alone or with a model (`decoding/S`); none for all
 * @throws RangeError if a name is unknown
 */
export function selectRows(all: readonly Row[], names: readonly string[]): Row[] {
  const keys = ({ name, model }: Row): string[] => [name, `${name}/${model}`];
  const unknown = names.find((asked) => !all.some((row) => keys(row).includes(asked)));
  if (unknown !== undefined) {
    const known = [...new Set(all.map(({ name }) => name))].join(', ');
    throw new RangeError(
      `bench: --only is '${unknown}', expected one of ${known}, alone or with a model as in decoding/S`,
    );
  }
  return all.filter((row) => names.length === 0 || keys(row).some((key) => names.includes(key)));
}
