import { showValue, yieldToEventLoop } from '@cfrl/engine';

import { checkAllFinite, checkList } from '../check.js';
import type { Earned, Prompt, RewardOptions } from '../types.js';
import type { SampledCompletion } from './sample-groups.js';
import type { TrainOptions } from './train-options.js';

/** What decides how a step's rewards are asked for. */
export type RewardRun<P extends Prompt> = Pick<
  TrainOptions<P>,
  'reward' | 'prompts' | 'rewardConcurrency' | 'rewardTimeout' | 'signal'
>;

/** What a completion earned, checked. */
export interface Worth {
  readonly reward: number;
  readonly rewards?: readonly number[];
}

const messageOf = (reason: unknown): string =>
  reason instanceof Error ? reason.message : String(reason);

/** Waits for what `call` begins, but not longer than the run lives nor than `timeout` milliseconds. */
async function within<T>(
  call: (options: RewardOptions) => T | Promise<T>,
  { rewardTimeout, signal }: Pick<RewardRun<Prompt>, 'rewardTimeout' | 'signal'>,
): Promise<T> {
  const ended = new AbortController();
  const abort = (): void => ended.abort(signal!.reason);
  signal?.addEventListener('abort', abort);
  const late = (): void =>
    ended.abort(new Error(`no answer for ${rewardTimeout} ms, its rewardTimeout`));
  const timer = rewardTimeout === undefined ? undefined : setTimeout(late, rewardTimeout);
  try {
    return await new Promise<T>((resolve, reject) => {
      ended.signal.addEventListener('abort', () => reject(ended.signal.reason as Error));
      void (async () => call({ signal: ended.signal }))().then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * Asks the task what every completion earned. Calls begin in order, as many at a time as `rewardConcurrency` says; after a failure none
 * begins, and of those that failed the first in order is thrown.
 */
export async function rewardAll<P extends Prompt>(
  run: RewardRun<P>,
  completions: readonly SampledCompletion[],
  step: number,
): Promise<Worth[]> {
  const { reward, prompts, signal, rewardConcurrency = Infinity } = run;
  const at = ({ promptIndex, sample, prompt, text }: SampledCompletion): string =>
    `at step ${step}, prompt ${promptIndex} ${JSON.stringify(prompt)}, ` +
    `completion ${sample} ${JSON.stringify(text)}`;
  const promptOf = ({ promptIndex }: SampledCompletion): P => prompts[promptIndex]!;
  const threw = (reason: unknown, where: string): Error =>
    signal?.aborted && reason === signal.reason
      ? (reason as Error)
      : new Error(`train: reward threw ${where}: ${messageOf(reason)}`, { cause: reason });

  if (typeof reward !== 'function') {
    await yieldToEventLoop(signal);
    const earned = await within(
      (options) => reward.batch(completions, completions.map(promptOf), options),
      run,
    ).catch((reason: unknown) => {
      throw threw(reason, `at step ${step}`);
    });
    checkList(`train: reward.batch's answer at step ${step}`, earned, 'what each earned');
    if (earned.length !== completions.length) {
      throw new RangeError(
        `train: reward.batch gave ${earned.length} rewards at step ${step}, expected ` +
          `${completions.length}, one a completion`,
      );
    }
    return earned.map((each, i) => worthOf(each, completions[i]!, at(completions[i]!)));
  }

  const failures = new Map<number, unknown>();
  const earned: Earned[] = [];
  const running = new Set<Promise<void>>();
  for (const [i, completion] of completions.entries()) {
    while (running.size >= rewardConcurrency) await Promise.race(running);
    await yieldToEventLoop(signal);
    if (failures.size > 0) break;
    const one: Promise<void> = within(
      (options) => reward(completion, promptOf(completion), options),
      run,
    )
      .then(
        (each) => void (earned[i] = each),
        (reason: unknown) => void failures.set(i, reason),
      )
      .finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
  return completions.map((completion, i) => {
    if (failures.has(i)) throw threw(failures.get(i), at(completion));
    return worthOf(earned[i]!, completion, at(completion));
  });
}

/** How to mend a reward that is no finite number. */
function mendOf(earned: unknown): string {
  if (earned === undefined) return 'return what the completion earned';
  if (typeof earned === 'number')
    return 'look for a division by 0 or a logarithm of it in the reward';
  return 'return a number, as Number(...) makes one, or a list of one a token';
}

function worthOf(earned: Earned, { tokens }: SampledCompletion, at: string): Worth {
  if (!Array.isArray(earned)) {
    if (typeof earned === 'number' && Number.isFinite(earned)) return { reward: earned };
    throw new RangeError(
      `train: reward ${at} is ${showValue(earned)}, expected a finite number; ${mendOf(earned)}`,
    );
  }
  const rewards = earned as readonly number[];
  if (rewards.length !== tokens.length) {
    throw new RangeError(
      `train: reward ${at} has ${rewards.length} numbers, expected ${tokens.length}, one a token`,
    );
  }
  checkAllFinite(`train: reward ${at}`, rewards);
  return { reward: rewards.reduce((sum, each) => sum + each, 0), rewards };
}
