import { join } from 'node:path';

import { checkOptions } from '@cfrl/engine';

import { makeFolder, writeAtomic } from '../run/files.js';
import { finishedStep } from '../run/resumable-loop.js';
import { openRun } from '../run/run-folder.js';
import { type ExperimentConfig, setup } from './config.js';
import {
  type Environment,
  type Experiment,
  type UnitProgress,
  arms,
  runArm,
  runPath,
  runWarmStart,
  warmStartPath,
} from './units.js';

/** How far an experiment is, after every step of every run. */
export interface ExperimentProgress extends UnitProgress {
  /** What is running, for example `CF-RL, seed 2`. */
  readonly unit: string;
  /** Which of the units it is, from 0. */
  readonly index: number;
  /** How many units there are. */
  readonly units: number;
  /** Part of the whole experiment that is done, in [0, 1], units weighted by their cost. */
  readonly total: number;
}

interface Unit {
  readonly name: string;
  readonly path: string;
  /** Relative cost, in supervised steps. */
  readonly weight: number;
  readonly run: () => AsyncGenerator<UnitProgress, void, void>;
}

/** An RL step samples, scores and updates, and shares the probes: about this many supervised steps. */
const RL_STEP_COST = 3;

function plan(experiment: Experiment): Unit[] {
  const { root, config, parts } = experiment;
  const tokensPerStep = config.promptsPerStep * config.groupSize * parts.task.maxNewTokens;
  const rlWeight = (RL_STEP_COST * config.tokenBudget) / tokensPerStep;
  return config.seeds.flatMap((seed) => [
    {
      name: `warm start, seed ${seed}`,
      path: warmStartPath(root, seed),
      weight: config.warmStartSteps / 2, // it usually ends before its last step
      run: () => runWarmStart(experiment, seed),
    },
    ...arms.map((arm) => ({
      name: `${arm.name}, seed ${seed}`,
      path: runPath(root, arm, seed),
      weight: rlWeight,
      run: () => runArm(experiment, arm, seed),
    })),
  ]);
}

/**
 * Runs every recipe with every seed, each pair from the same warm start, into one folder. A folder
 * with an unfinished experiment of the same config is continued.
 *
 * @param root - the experiment's folder
 * @param config - what to run
 * @param environment - backend and versions, for the records
 * @param options - `signal`: when it aborts, the experiment ends after the step that is being taken, with its state saved
 * @returns progress after every step
 * @throws Error if the folder holds another experiment or cannot be written; the signal's reason
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * const tiny = {
 *   ...quickDemo, hiddenSize: 8, heads: 2, seeds: [0], warmStartSteps: 2, warmStartBatch: 4,
 *   tokenBudget: 16, promptsPerStep: 2, groupSize: 4, probePrompts: 4, kernelContexts: 2,
 * };
 * const root = mkdtempSync(`${tmpdir()}/cfrl-`);
 * const units = new Set<string>();
 * for await (const { unit } of runExperiment(root, tiny, { backend: 'any', versions: {} })) units.add(unit);
 * [...units]; // => ['warm start, seed 0', 'CF-RL, seed 0', 'standard RL, seed 0']
 * ```
 */
export async function* runExperiment(
  root: string,
  config: ExperimentConfig,
  environment: Environment,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<ExperimentProgress, void, void> {
  checkOptions('runExperiment', options, ['signal']);
  const { signal } = options;
  signal?.throwIfAborted();
  const units = plan({ root, config, parts: setup(config), environment, signal });
  const run = openRun(root, { kind: 'experiment', ...config, ...environment });
  try {
    const whole = units.reduce((sum, { weight }) => sum + weight, 0);
    let done = 0;
    for (const [index, unit] of units.entries()) {
      const place = { unit: unit.name, index, units: units.length };
      if (finishedStep(unit.path) === undefined) {
        for await (const progress of unit.run()) {
          const total = (done + progress.fraction * unit.weight) / whole;
          yield { ...place, ...progress, total };
        }
      }
      done += unit.weight;
      yield { ...place, fraction: 1, text: 'done', total: done / whole };
    }
  } finally {
    run.close();
  }
}

/** Writes the report's files into the experiment's folder.
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * const root = mkdtempSync(`${tmpdir()}/cfrl-`);
 * const paths = writeReport(root, { html: '<p>found</p>', markdown: 'found' });
 * paths.html.endsWith('report.html'); // => true
 * ```
 */
export function writeReport(
  root: string,
  { html, markdown }: { readonly html: string; readonly markdown: string },
): { readonly html: string; readonly markdown: string } {
  makeFolder(root);
  const paths = { html: join(root, 'report.html'), markdown: join(root, 'report.md') };
  writeAtomic(paths.html, html);
  writeAtomic(paths.markdown, markdown);
  return paths;
}
