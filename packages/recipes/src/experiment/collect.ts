import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { readObject, readRows } from '../run/files.js';
import type { ProbeRow, RunData, StepRow } from '../run/row-types.js';
import type { ReportInput } from '../report/input.js';
import { type ExperimentConfig, quickDemo, setup } from './config.js';
import { type Arm, type Environment, type SamplesRow, arms, runPath } from './units.js';

function readConfig(path: string): Record<string, unknown> {
  const file = join(path, 'config.json');
  if (!existsSync(file)) {
    throw new Error(`report: ${path} has no config.json, expected the folder of an experiment`);
  }
  return readObject(file);
}

function readRun(root: string, arm: Arm, seed: number): RunData {
  const path = runPath(root, arm, seed);
  const rows = <T>(name: string): T[] => readRows<T>(join(path, `${name}.jsonl`));
  const steps = rows<StepRow>('steps');
  const samples = rows<SamplesRow>('samples');
  const first = samples[0];
  if (steps.length === 0 || first === undefined) {
    throw new Error(
      `report: ${path} has no steps yet, expected a finished run; run the experiment to its end`,
    );
  }
  const boundary = steps.filter(({ stage }) => stage === 'classifier').at(-1)?.sampledTokens;
  return {
    seed,
    config: readConfig(path),
    steps,
    probes: rows<ProbeRow>('probes'),
    samplesBefore: first.samples,
    samplesAfter: samples.at(-1)!.samples,
    seconds: rows<{ seconds: number }>('timings').reduce((sum, row) => sum + row.seconds, 0),
    ...(boundary === undefined ? {} : { stageBoundary: boundary }),
  };
}

/**
 * Reads the records of an experiment.
 *
 * @param root - the experiment's folder
 * @param command - how to make it again
 * @returns what the report is made from
 * @throws Error if the folder is not that of an experiment, or a run has not begun
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
 * const { arms } = collectExperiment(root, 'npm run demo');
 * arms.map(({ name, runs }) => [name, runs.length]); // => [['CF-RL', 1], ['standard RL', 1]]
 * ```
 */
export function collectExperiment(root: string, command: string): ReportInput {
  const { kind, ...rest } = readConfig(root);
  if (kind !== 'experiment') {
    throw new Error(`report: ${root} holds a ${String(kind)}, expected an experiment`);
  }
  const config = rest as unknown as ExperimentConfig & Environment;
  const missing = [...Object.keys(quickDemo), 'backend', 'versions'].find(
    (name) => !(name in config),
  );
  if (missing !== undefined) {
    throw new Error(
      `report: ${join(root, 'config.json')} has no ${missing}, expected the config of an experiment; restore it`,
    );
  }
  const { task } = setup(config);
  return {
    title: 'CF-RL beside standard RL',
    task: { name: task.name, description: task.description },
    versions: config.versions,
    backend: config.backend,
    command,
    arms: arms.map((arm) => ({
      name: arm.name,
      description: arm.description,
      runs: config.seeds.map((seed) => readRun(root, arm, seed)),
    })),
  };
}
