import { join } from 'node:path';

import { yieldToEventLoop } from '@cfrl/engine';
import type { LanguageModel } from '@cfrl/model';

import { lastPosition, loadCheckpoint, pruneCheckpoints, saveCheckpoint } from './checkpoint.js';
import { type LoopState, disposeLoopState } from './loop-state.js';
import { jsonLines, makeFolder, writeAtomic } from './files.js';
import { type Row, type RunConfig, type RunFolder, openRun } from './run-folder.js';

/** What a loop hands over after each step. */
export interface LoopRecord {
  /** Rows to add, by file: `steps` goes to `steps.jsonl`. */
  readonly append: Readonly<Record<string, Row>>;
  /** Files to write, by path in the run folder: rows of JSON. */
  readonly write?: Readonly<Record<string, readonly object[]>>;
  /** Where the loop stands; borrowed. */
  readonly state: LoopState;
  /** True after the last step. */
  readonly done: boolean;
}

/** A loop whose steps are recorded on disk. */
export interface RecordedLoop {
  /** The run folder. */
  readonly path: string;
  /** What the run is. */
  readonly config: RunConfig;
  /** Config and tokenizer of what is trained, and the names of its parameters. */
  readonly model: LanguageModel;
  /** Steps between two checkpoints. */
  readonly checkpointEvery: number;
  /** When it aborts, the loop ends after the step that is being taken, which is checkpointed, and its reason is thrown. */
  readonly signal?: AbortSignal;
  /** The loop, from the beginning or from a checkpoint. */
  readonly start: (from?: LoopState) => AsyncGenerator<LoopRecord, void, void>;
}

/** Names of the files that rows were added to by any loop. */
const JSONL = ['steps', 'probes', 'samples', 'timings'];

const checkpoints = (path: string): string => join(path, 'checkpoints');

/**
 * The step that a finished run ended with.
 *
 * @param path - the run folder
 * @returns the step, or `undefined` if the run has not ended
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * finishedStep(mkdtempSync(`${tmpdir()}/cfrl-`)); // => undefined
 * ```
 */
export function finishedStep(path: string): number | undefined {
  const position = lastPosition(checkpoints(path));
  return position?.done === true ? position.step : undefined;
}

/**
 * Runs a loop and records it: every row is on the disk before the next step begins, and every
 * `checkpointEvery` steps the whole state. A folder with the same run is continued from its last
 * checkpoint to the same numbers, bit for bit; rows past the checkpoint are dropped and made again.
 *
 * @param loop - what to run and where
 * @returns the loop's own records, as they come; the last state is freed with the others
 * @throws Error if the folder holds another run, is in use, or cannot be written; the signal's reason
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: tokenizer.vocabSize, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 4,
 * });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * const path = mkdtempSync(`${tmpdir()}/cfrl-`);
 * const counting = recordLoop({
 *   path, config: { seed: 0 }, model, checkpointEvery: 2,
 *   start: async function* () {
 *     for (let step = 1; step <= 3; step++) {
 *       const state = { step, sampledTokens: 0, stage: 0, params: model.params, optState: {} };
 *       yield { append: { steps: { step } }, state, done: step === 3 };
 *     }
 *   },
 * });
 * const steps: number[] = [];
 * for await (const { state } of counting) steps.push(state.step);
 * steps; // => [1, 2, 3]
 * finishedStep(path); // => 3
 * ```
 */
export async function* recordLoop(loop: RecordedLoop): AsyncGenerator<LoopRecord, void, void> {
  const { path, config, model, checkpointEvery, start, signal } = loop;
  signal?.throwIfAborted();
  const run = openRun(path, config);
  let last: LoopState | undefined;
  try {
    pruneCheckpoints(checkpoints(path));
    if (finishedStep(path) !== undefined) return;
    const checkpoint = await loadCheckpoint(checkpoints(path));
    for (const name of JSONL) run.rewind(name, checkpoint?.state.step ?? -1);
    let before = performance.now();
    for await (const record of start(checkpoint?.state)) {
      const { state, done } = record;
      last = state;
      store(run, record);
      const now = performance.now();
      run.append('timings', { step: state.step, seconds: (now - before) / 1000 } as Row);
      before = now;
      await yieldToEventLoop();
      const due = state.step % checkpointEvery === 0 || signal?.aborted === true;
      // Before the first step there is nothing to lose.
      if (done || (state.step > 0 && due)) {
        await saveCheckpoint(checkpoints(path), model, state, done);
      }
      if (!done) signal?.throwIfAborted();
      yield record;
    }
  } finally {
    if (last !== undefined) disposeLoopState(last, model.params);
    run.close();
  }
}

function store(run: RunFolder, { append, write = {} }: LoopRecord): void {
  for (const [name, rows] of Object.entries(write)) {
    const file = join(run.path, name);
    makeFolder(join(file, '..'));
    writeAtomic(file, jsonLines(rows));
  }
  for (const [name, row] of Object.entries(append)) run.append(name, row);
}
