import { useBackend } from '@cfrl/engine';
import {
  type ChangeExplanation,
  type Functional,
  confidenceFunctional,
  entropyFunctional,
  explainChange,
  logProbFunctional,
} from '@cfrl/ntk';
import { promptTokens } from '@cfrl/model';

import { type ModelPair, loadPair } from '../explain/load-pair.js';
import { type PromptLine, readPrompts } from '../explain/read-prompts.js';
import { type CompletionSequence, completionSequences } from '../explain/sequences.js';
import { sequenceModel } from '../recipe/sequence-model.js';
import { explanationText } from './explanation-text.js';
import { type TaskView, taskView } from './progress.js';
import { Interrupted, endOnSignals, interruptible, unlessAborted } from './signals.js';

/** What can be asked of contexts, by name. */
export const functionals: Readonly<Record<string, () => Functional>> = {
  entropy: entropyFunctional,
  'log-probability': logProbFunctional,
  confidence: confidenceFunctional,
};

/** Options of `cfrl explain`. */
export interface ExplainCommandOptions {
  readonly prompts: string;
  readonly base?: string;
  readonly functional: string;
  readonly from: 'before' | 'after';
  readonly limit: number;
  readonly samples: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly tolerance: number;
  readonly json?: boolean;
}

/** What `cfrl explain --json` prints. */
interface Explained extends ChangeExplanation {
  readonly models: { readonly before: string; readonly after: string };
  /** Where the completions come from: the file, or the model that they were sampled from. */
  readonly completions: 'file' | 'before' | 'after';
  /** Tokens of the prompt and of all, a sequence each. */
  readonly sequences: readonly {
    readonly tokens: readonly number[];
    readonly promptLength: number;
  }[];
  /** Whether it was stopped before it was as fine as was asked for. */
  readonly stopped: boolean;
  readonly seconds: number;
}

/** `cfrl explain BEFORE AFTER`: why the second model says something else than the first. */
export async function runExplain(
  beforePath: string,
  afterPath: string,
  options: ExplainCommandOptions,
): Promise<void> {
  const start = performance.now();
  const lines = await readPrompts(options.prompts, options.limit); // before anything that takes long
  endOnSignals();
  const info = await useBackend();
  const { json = false, base } = options;
  process.stderr.write(`cfrl explain: ${options.functional}, on ${info.name} ${info.version}\n`);
  const view = taskView(process.stderr);
  let last:
    { explanation: ChangeExplanation; sequences: readonly CompletionSequence[] } | undefined;
  const models = { before: beforePath, after: afterPath };
  const completions = lines[0]!.completion === undefined ? options.from : 'file';
  const print = (stopped: boolean): void => {
    const { explanation, sequences } = last!;
    const shown: Explained = {
      ...explanation,
      models,
      completions,
      sequences: sequences.map(({ tokens, promptLength }) => ({ tokens, promptLength })),
      stopped,
      seconds: (performance.now() - start) / 1000,
    };
    process.stdout.write(
      json ? `${JSON.stringify(shown)}\n` : `${explanationText(shown, process.stdout.columns)}\n`,
    );
  };
  try {
    await interruptible((signal) =>
      unlessAborted(signal, async () => {
        view.update('loading', undefined);
        const pair = await loadPair(beforePath, afterPath, {
          signal,
          ...(base !== undefined && { base }),
        });
        try {
          await explain(pair, lines, options, signal, view, (explanation, sequences) => {
            last = { explanation, sequences };
          });
        } finally {
          pair.dispose();
        }
      }),
    );
  } catch (error) {
    view.stop();
    if (!(error instanceof Interrupted)) throw error;
    if (last !== undefined) print(true);
    const kept =
      last === undefined
        ? 'nothing was computed yet'
        : `above is what ${last.explanation.nodes} nodes say`;
    process.stderr.write(`cfrl explain: ${error.message}; ${kept}\n`);
    process.exit(error.exitCode);
  } finally {
    view.stop();
  }
  print(false);
}

async function explain(
  pair: ModelPair,
  lines: readonly PromptLine[],
  {
    functional: name,
    from,
    samples,
    maxNewTokens,
    temperature,
    seed,
    tolerance,
  }: ExplainCommandOptions,
  signal: AbortSignal,
  view: TaskView,
  onRefinement: (explanation: ChangeExplanation, sequences: readonly CompletionSequence[]) => void,
): Promise<void> {
  checkTokenizers(pair, lines);
  view.update(lines[0]!.completion === undefined ? `sampling from ${from}` : 'reading', undefined);
  const sequences = await completionSequences(pair[from], lines, {
    ...{ perPrompt: samples, maxNewTokens, temperature, seed, signal },
  });
  const split = sequenceModel(pair.before);
  try {
    const found = await explainChange(
      split,
      {},
      pair.after.params,
      sequences,
      functionals[name]!(),
      {
        tolerance,
        signal,
        onProgress: ({ done, total, nodes }) => view.update(`${nodes} nodes`, done / total),
        onRefinement: (explanation) => onRefinement(explanation, sequences),
      },
    );
    onRefinement(found, sequences);
  } finally {
    split.dispose();
  }
}

/** Refuses models that read the prompts otherwise. */
function checkTokenizers({ before, after }: ModelPair, lines: readonly PromptLine[]): void {
  lines.forEach(({ prompt }, i) => {
    const [a, b] = [before, after].map((model) =>
      promptTokens(model, prompt, `explain: prompt ${i + 1}`),
    );
    if (a!.length !== b!.length || a!.some((token, t) => token !== b![t])) {
      throw new RangeError(
        `explain: the two models read prompt ${i + 1} as different tokens, expected one tokenizer and one chat template; copy those of one to the other`,
      );
    }
  });
}
