import { useBackend } from '@cfrl/engine';
import {
  type Functional,
  confidenceFunctional,
  entropyFunctional,
  logProbFunctional,
} from '@cfrl/ntk';

import { type CheckpointExplanation, explainCheckpoints } from '../explain/explain-checkpoints.js';
import { readPrompts } from '../explain/read-prompts.js';
import { explanationText } from './explanation-text.js';
import { taskView } from './progress.js';
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

/** `cfrl explain BEFORE AFTER`: why the second model says something else than the first. */
export async function runExplain(
  before: string,
  after: string,
  { prompts, functional, limit, json = false, ...options }: ExplainCommandOptions,
): Promise<void> {
  const start = performance.now();
  const lines = await readPrompts(prompts, limit); // before anything that takes long
  endOnSignals();
  const info = await useBackend();
  process.stderr.write(`cfrl explain: ${functional}, on ${info.name} ${info.version}\n`);
  const view = taskView(process.stderr);
  let last: CheckpointExplanation | undefined;
  const print = (found: CheckpointExplanation, stopped: boolean): void => {
    view.stop();
    const seconds = (performance.now() - start) / 1000;
    const all = { ...found, models: { before, after }, stopped, seconds };
    const text = json ? JSON.stringify(all) : explanationText(all, process.stdout.columns);
    process.stdout.write(`${text}\n`);
  };
  try {
    const found = await interruptible((signal) =>
      unlessAborted(signal, () =>
        explainCheckpoints(before, after, lines, {
          ...options,
          functional: functionals[functional]!(),
          signal,
          onStage: (stage) => view.update(stage, undefined),
          onProgress: ({ done, total, nodes }) => view.update(`${nodes} nodes`, done / total),
          onRefinement: (explanation) => (last = explanation),
        }),
      ),
    );
    print(found, false);
  } catch (error) {
    view.stop();
    if (!(error instanceof Interrupted)) throw error;
    if (last !== undefined) print(last, true);
    const kept =
      last === undefined ? 'nothing was computed yet' : `above is what ${last.nodes} nodes say`;
    process.stderr.write(`cfrl explain: ${error.message}; ${kept}\n`);
    process.exit(error.exitCode);
  } finally {
    view.stop();
  }
}
