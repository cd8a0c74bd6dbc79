import { type Compare, absolute, greedy, relative } from './compare.js';
import type { Options } from './protocol.js';
import type { WorkerName } from './workers.js';

/** The models, from about 100 thousand to 11 million parameters; then SmolLM2-135M-Instruct with its own weights, and none. */
const models = ['XS', 'S', 'M', 'SmolLM2', '-'] as const;

/** One side of a row: a program of a worker. */
export interface Side {
  readonly label: string;
  readonly worker: WorkerName;
  readonly program: string;
  readonly options: Options;
  /** Units of work an iteration: samples are divided by it. */
  readonly per: number;
}

/** One comparison: a program on each side, and how the two are compared. */
export interface Row {
  readonly name: string;
  readonly model: (typeof models)[number];
  readonly against: string;
  /** The largest ratio ours/theirs that meets the goal. */
  readonly goal: number;
  /** Where it is MiB, memory is measured, else time. */
  readonly unit: string;
  readonly ours: Side;
  /** One, or several of which the fastest counts. */
  readonly theirs: readonly Side[];
  readonly compare: readonly Compare[];
}

/** For each model that the row has, its goal. */
type Goals = Readonly<Partial<Record<Row['model'], number>>>;

const side =
  (worker: WorkerName) =>
  (program: string, label: string, options: Options = {}, per = 1): Side => {
    return { label, worker, program, options, per };
  };
const [ours, wasm, python] = [side('ours'), side('wasm'), side('python')];

/** A row for each model that has a goal. Ours runs the program of the row's name where no other is given; programs are told the model. */
function row(
  name: string,
  against: string,
  goals: Goals,
  compare: readonly Compare[],
  theirs: readonly Side[],
  { own = ours(name, 'cfrl'), unit = 'ms' }: { own?: Side; unit?: string } = {},
): Row[] {
  return models.flatMap((model) => {
    const goal = goals[model];
    if (goal === undefined) return [];
    const of = (given: Side): Side => ({ ...given, options: { ...given.options, size: model } });
    return [{ name, model, against, goal, unit, compare, ours: of(own), theirs: theirs.map(of) }];
  });
}

/** Generation from prompts of random tokens. */
function generation(
  name: string,
  against: 'PyTorch' | 'transformers',
  goals: Goals,
  work: { batch: number; promptLength: number; newTokens: number; seed: number },
): Row[] {
  const { newTokens } = work;
  const program = against === 'PyTorch' ? 'decoding' : 'decoding_transformers';
  const compare = [greedy(newTokens, 0.05, goals.SmolLM2 === undefined ? 1e-4 : 1e-3)];
  return row(name, against, goals, compare, [python(program, against, {}, newTokens)], {
    own: ours('generate', 'cfrl', work, newTokens),
    unit: newTokens === 1 ? 'ms' : 'ms a token',
  });
}

const sameTraining = [relative('losses', 1e-4)];
const sameUpdate = [
  absolute('logProbs', 1e-4),
  absolute('logProbsAfterStep', 1e-4),
  relative('entropy', 1e-4),
  relative('reward', 1e-6),
];
const sameTokens = [absolute('tokens', 0), absolute('checksum', 0)];
const sameScores = [absolute('scores', 1e-9)];

const eagerAndCompiled = [
  python('training_step', 'eager', { compile: false }),
  python('training_step', 'torch.compile', { compile: true }),
];
const trl = [python('grpo_step', 'TRL')];
const numpy = [
  python('logit_entropy', 'all rows', { block: 0 }),
  python('logit_entropy', '4 rows', { block: 4 }),
];

const short = { batch: 64, promptLength: 8, newTokens: 24, seed: 2 };
const long = { batch: 1, promptLength: 256, newTokens: 1, seed: 4 };

/** Completions of which the self-BLEU is computed: all an iteration, or one. */
const TEXTS = 1000;
const bleu = {
  own: ours('self-bleu', 'cfrl', { texts: TEXTS }, TEXTS),
  unit: 'ms a completion',
};
const bleuOf = (library: string, per = 1): Side => python('self_bleu', library, { library }, per);

/** Every row, model after model within a name: name, rival, goals, what is equal before it is timed, the rival's programs. */
export const rows: readonly Row[] = [
  row('training-step', 'PyTorch', { XS: 0.8, S: 0.9, M: 1 }, sameTraining, eagerAndCompiled),
  generation('decoding', 'PyTorch', { XS: 0.9, S: 0.9, M: 1 }, short),
  generation('decoding', 'transformers', { XS: 0.45, S: 0.6, M: 0.8 }, short),
  row('grpo-step', 'TRL', { XS: 0.33, S: 0.5, M: 0.6 }, sameUpdate, trl),
  row('grpo-memory', 'TRL', { XS: 0.6, S: 0.6, M: 0.7 }, sameUpdate, trl, {
    own: ours('grpo-step', 'cfrl'),
    unit: 'MiB',
  }),
  // It has no model; the rows of M have a vocabulary as models have.
  row('tokenizing', 'tokenizers (Rust)', { M: 2 }, sameTokens, [
    python('tokenizing', 'tokenizers (Rust)'),
  ]),
  row(
    'training-step-wasm',
    'our own native',
    { XS: 12, S: 12 },
    sameTraining,
    [ours('training-step', 'cfrl')],
    { own: wasm('training-step', 'cfrl on WebAssembly') },
  ),
  row(
    'loading',
    'transformers',
    { SmolLM2: 1 },
    [relative('sums', 1e-3)],
    [python('loading', 'transformers')],
  ),
  generation('prefill', 'transformers', { SmolLM2: 1.1 }, long),
  ...[1, 8, 32].map((batch) => {
    const work = { batch, promptLength: 16, newTokens: 32, seed: 4 };
    return generation(`decoding-${batch}`, 'transformers', { SmolLM2: 0.8 }, work);
  }),
  row('self-bleu', 'NLTK', { '-': 0.001 }, sameScores, [bleuOf('nltk')], bleu),
  row(
    'self-bleu',
    'other implementations',
    { '-': 0.1 },
    sameScores,
    [bleuOf('fast-bleu', TEXTS), bleuOf('sacrebleu')],
    bleu,
  ),
  ...['distinct-1', 'distinct-2', 'ngram-entropy'].map((name) =>
    row(
      name,
      'a bare loop',
      { '-': 3 },
      [absolute('sum', 0)],
      [ours('bare-loop', 'sum of the tokens')],
    ),
  ),
  row('logit-entropy', 'numpy', { '-': 1.5 }, [relative('entropies', 1e-4)], numpy),
].flat();

/** `training-step S against PyTorch` */
export const titleOf = ({ name, model, against }: Row): string =>
  `${name}${model === '-' ? '' : ` ${model}`} against ${against}`;

/**
 * The rows that are asked for.
 *
 * @param names - of rows, alone or with a model (`decoding/S`); none for all
 * @throws RangeError if a name is unknown
 */
export function selectRows(names: readonly string[]): readonly Row[] {
  const isMeant = ({ name, model }: Row, asked: string): boolean =>
    asked === name || asked === `${name}/${model}`;
  const unknown = names.find((asked) => !rows.some((row) => isMeant(row, asked)));
  if (unknown !== undefined) {
    const known = [...new Set(rows.map(({ name }) => name))].join(', ');
    throw new RangeError(
      `bench: --only is '${unknown}', expected one of ${known}, alone or with a model as in decoding/S`,
    );
  }
  return rows.filter((row) => names.length === 0 || names.some((asked) => isMeant(row, asked)));
}
