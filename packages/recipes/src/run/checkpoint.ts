import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { addPrefix, disposeParams, mergeParams, selectParams, takePrefix } from '@cfrl/engine';
import { publish } from '@cfrl/engine/node';
import type { LanguageModel } from '@cfrl/model';
import {
  loadPretrained,
  readSafetensors,
  savePretrained,
  writeSafetensors,
} from '@cfrl/model/node';

import { makeFolder, onDisk, writeAtomic } from './files.js';
import type { LoopState } from './loop-state.js';

/** What is stored beside the tensors. */
interface Position extends Pick<LoopState, 'step' | 'sampledTokens' | 'stage'> {
  /** Whether the run ended here. */
  readonly done: boolean;
}

const TRAINER = 'trainer.safetensors';
const POSITION = 'trainer.json';
const MODEL_PARAM = 'params/';
const OPT_STATE = 'optimizer/';

const folderName = (step: number): string => `step-${step}`;

/** The steps that a run has checkpoints of, in order. */
function stepsIn(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => /^step-(\d+)$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Writes a checkpoint: a folder that `transformers` loads, plus what training needs to go on to the
 * same bits. The folder appears complete or not at all; older checkpoints are removed after it.
 *
 * @param folder - the run's `checkpoints` folder
 * @param model - the model's config and tokenizer, and the names of its parameters
 */
export async function saveCheckpoint(
  folder: string,
  model: LanguageModel,
  state: LoopState,
  done: boolean,
): Promise<void> {
  const target = join(folder, folderName(state.step));
  const temporary = `${target}.tmp`;
  onDisk('clear', temporary, () => rmSync(temporary, { recursive: true, force: true }));
  makeFolder(temporary);
  const ofModel = selectParams(state.params, (name) => name in model.params);
  const extra = selectParams(state.params, (name) => !(name in model.params));
  const trainer = mergeParams(addPrefix(MODEL_PARAM, extra), addPrefix(OPT_STATE, state.optState));
  const { step, sampledTokens, stage } = state;
  try {
    await savePretrained(temporary, { ...model, params: ofModel });
    await writeSafetensors(join(temporary, TRAINER), trainer);
  } catch (error) {
    onDisk('write', temporary, () => {
      throw error;
    });
  }
  const position: Position = { step, sampledTokens, stage, done };
  writeAtomic(join(temporary, POSITION), `${JSON.stringify(position)}\n`);
  onDisk('replace', target, () => rmSync(target, { recursive: true, force: true }));
  onDisk('write', target, () => publish(temporary, target));
  pruneCheckpoints(folder);
}

/** Removes every checkpoint but the newest: also those of a process that was killed after it had written the newest. */
export function pruneCheckpoints(folder: string): void {
  for (const old of stepsIn(folder).slice(0, -1)) {
    onDisk('remove', folder, () =>
      rmSync(join(folder, folderName(old)), { recursive: true, force: true }),
    );
  }
}

function readPosition(checkpoint: string): Position {
  const path = join(checkpoint, POSITION);
  const text = onDisk('read', path, () => readFileSync(path, 'utf8'));
  try {
    return JSON.parse(text) as Position;
  } catch {
    throw new Error(`run: ${path} is not JSON; the checkpoint was damaged: remove its folder`);
  }
}

/** Where the newest checkpoint stands, without its tensors; `undefined` if there is none. */
export function lastPosition(folder: string): Position | undefined {
  const step = stepsIn(folder).at(-1);
  return step === undefined ? undefined : readPosition(join(folder, folderName(step)));
}

/**
 * Reads the newest checkpoint, which the caller owns; `undefined` if there is none.
 *
 * @throws Error if a file is missing or damaged; nothing is leaked then
 */
export async function loadCheckpoint(
  folder: string,
): Promise<{ readonly model: LanguageModel; readonly state: LoopState } | undefined> {
  const step = stepsIn(folder).at(-1);
  if (step === undefined) return undefined;
  const path = join(folder, folderName(step));
  const { sampledTokens, stage } = readPosition(path);
  const model = await loadPretrained(path);
  try {
    const { tensors } = await readSafetensors(join(path, TRAINER));
    const params = mergeParams(model.params, takePrefix(MODEL_PARAM, tensors));
    const optState = takePrefix(OPT_STATE, tensors);
    return { model, state: { step, sampledTokens, stage, params, optState } };
  } catch (error) {
    disposeParams(model.params);
    throw error;
  }
}
