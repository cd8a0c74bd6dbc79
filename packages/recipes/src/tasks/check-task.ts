import { checkFinite, checkPositiveInteger, checkTokens, showValue } from '@cfrl/engine';
import { type LanguageModel, type ModelConfig, promptTokens } from '@cfrl/model';

import type { Task, TaskPrompt } from './task.js';

/** What a task is asked for. */
interface Needs {
  /** Held-out prompts, from the first. */
  readonly heldOut: number;
  /** Whether its training prompts are used. */
  readonly train: boolean;
}

/** Refuses a length of completions that leaves no room for a prompt. */
export function checkMaxNewTokens(where: string, count: number, config: ModelConfig): void {
  checkPositiveInteger(where, count);
  if (count < config.maxPositions) return;
  throw new RangeError(
    `${where} is ${count}, expected less than ${config.maxPositions} (maxPositions), so that a prompt has room`,
  );
}

/** Refuses what is no list of the model's tokens. */
export function checkStopTokens(
  where: string,
  tokens: readonly number[],
  config: ModelConfig,
): void {
  if (!Array.isArray(tokens)) {
    throw new TypeError(`${where} is ${showValue(tokens)}, expected a list of tokens`);
  }
  checkTokens(where, tokens, config.vocabSize);
}

/** Refuses a task that the model cannot be asked, before anything is sampled. */
export function checkTask(where: string, model: LanguageModel, task: Task, needs: Needs): void {
  if (typeof task !== 'object' || task === null) {
    throw new TypeError(
      `${where}: task is ${showValue(task)}, expected a task as addition() gives`,
    );
  }
  if (typeof task.reward !== 'function') {
    throw new TypeError(
      `${where}: task.reward is ${typeof task.reward}, expected a function of a text and its prompt`,
    );
  }
  const { maxPositions } = model.config;
  checkMaxNewTokens(`${where}: task.maxNewTokens`, task.maxNewTokens, model.config);
  if (task.stopTokens !== undefined) {
    checkStopTokens(`${where}: task.stopTokens`, task.stopTokens, model.config);
  }
  const used = {
    ...(needs.train && { train: task.train }),
    ...(needs.heldOut > 0 && { heldOut: task.heldOut }),
  };
  for (const [name, prompts] of Object.entries(used)) checkPrompts(where, name, prompts);
  if (needs.heldOut === 0) return;
  if (task.heldOut.length < needs.heldOut) {
    throw new RangeError(
      `${where}: task.heldOut has ${task.heldOut.length} prompts, expected at least ${needs.heldOut}: those are what a probe looks at; give the task more, or lower probe.prompts`,
    );
  }
  task.heldOut.slice(0, needs.heldOut).forEach(({ prompt }, i) => {
    const at = `${where}: task.heldOut[${i}].prompt`;
    const { length } = promptTokens(model, prompt, at);
    if (length + task.maxNewTokens > maxPositions) {
      throw new RangeError(
        `${at} has ${length} tokens, expected at most ${maxPositions - task.maxNewTokens} (maxPositions ${maxPositions} - task.maxNewTokens ${task.maxNewTokens})`,
      );
    }
  });
}

function checkPrompts(where: string, name: string, prompts: readonly TaskPrompt[]): void {
  if (!Array.isArray(prompts) || prompts.length === 0) {
    const is = Array.isArray(prompts) ? 'empty' : String(prompts);
    throw new TypeError(
      `${where}: task.${name} is ${is}, expected a list of { prompt, answer }` +
        (name === 'heldOut' ? ': prompts that are never trained on, which probes look at' : ''),
    );
  }
  prompts.forEach((each: Partial<TaskPrompt> | null, i) => {
    if (typeof each !== 'object' || each?.prompt === undefined) {
      throw new TypeError(
        `${where}: task.${name}[${i}] is ${JSON.stringify(each)}, expected { prompt, answer }`,
      );
    }
    if (typeof each.answer !== 'string') {
      throw new TypeError(
        `${where}: task.${name}[${i}].answer is ${String(each.answer)}, expected a text`,
      );
    }
  });
}

/** What a completion is worth; a reward that is no finite number is refused. */
export async function rewardOf(
  where: string,
  task: Task,
  text: string,
  prompt: TaskPrompt,
): Promise<number> {
  return checkFinite(
    `${where}: task.reward of ${JSON.stringify(text)}`,
    await task.reward(text, prompt),
  );
}
