import {
  type Optimizer,
  type Params,
  applyUpdates,
  checkPositiveInteger,
  checkSeed,
  compile,
  disposeParams,
  fold,
  gatherLogProbs,
  option,
  randomInt,
  required,
  resolveOptions,
  rng,
  valueAndGrad,
  yieldToEventLoop,
  checkSignal,
} from '@cfrl/engine';
import { type LanguageModel, forward, promptTokens } from '@cfrl/model';
import * as tf from '@tensorflow/tfjs-core';

import { type LoopState, checkFrom } from '../run/loop-state.js';
import { checkTask } from '../tasks/check-task.js';
import type { Task, TaskPrompt } from '../tasks/task.js';
import { checkModel } from './contexts.js';

/** Options of {@link warmStart}. */
export interface WarmStartOptions {
  /** Where to begin; borrowed. */
  readonly model: LanguageModel;
  /** What to learn: its training prompts and their answers. */
  readonly task: Task;
  /** What turns gradients into updates. */
  readonly optimizer: Optimizer;
  /** Supervised steps of the whole warm start. */
  readonly steps: number;
  /** Examples a step. */
  readonly batchSize: number;
  /** Integer in `[0, 2^53)`; it determines the examples of every step. */
  readonly seed: number;
  /** Ends the warm start between two steps: it throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Where to go on, from a checkpoint; the generator owns it from then on. */
  readonly from?: LoopState;
}

function checkOptimizer(where: string, optimizer: Optimizer): void {
  if (typeof optimizer?.init === 'function' && typeof optimizer.update === 'function') return;
  throw new TypeError(
    `${where} is ${typeof optimizer}, expected what a call as adamw({ learningRate }) gives`,
  );
}

const table = {
  model: required<LanguageModel>((_, model) => checkModel('warmStart', model)),
  task: required<Task>(() => undefined),
  optimizer: required<Optimizer>(checkOptimizer),
  steps: required<number>(checkPositiveInteger),
  batchSize: required<number>(checkPositiveInteger),
  seed: required<number>(checkSeed),
  signal: option<AbortSignal | undefined>(undefined, checkSignal),
  from: option<LoopState | undefined>(undefined, checkFrom),
};

/** One supervised step. */
export interface WarmStartRecord {
  /** What to log. */
  readonly row: { readonly step: number; readonly loss: number };
  /** Where the warm start stands, lent until the next step is asked for; the last is the caller's. */
  readonly state: LoopState;
}

/** Prompts, as the model reads them, with their answers as tokens; all must be equally long. */
function encodeExamples(
  model: LanguageModel,
  examples: readonly TaskPrompt[],
): { readonly inputs: tf.Tensor2D; readonly targets: tf.Tensor2D } {
  const pairs = examples.map(({ prompt, answer }) => {
    // As it will be sampled from: the answer's tokens come after the prompt's, whatever these are.
    const before = promptTokens(model, prompt, 'warmStart: task.train prompt');
    const after = model.tokenizer.encode(answer);
    return { row: [...before, ...after], answer: after };
  });
  const rows = pairs.map(({ row }) => row);
  const [length, answerLength] = [rows[0]!.length, pairs[0]!.answer.length];
  if (answerLength === 0) {
    throw new RangeError(
      'warmStart: an answer of task.train has no tokens, expected at least one to learn',
    );
  }
  const ragged = pairs.find(
    ({ row, answer }) => row.length !== length || answer.length !== answerLength,
  );
  if (ragged !== undefined) {
    throw new RangeError(
      `warmStart: an example has ${ragged.row.length} tokens, expected ${length} as the first, with ${answerLength} of the answer; ` +
        'give prompts and answers fixed widths',
    );
  }
  const columns = (from: number, to: number): tf.Tensor2D => {
    const cut = rows.map((row) => row.slice(from, to));
    return tf.tensor2d(cut, [rows.length, to - from], 'int32');
  };
  return { inputs: columns(0, length - 1), targets: columns(length - answerLength, length) };
}

/** Log-probabilities of the answers' tokens, `[B, T]`, nats; the caller owns them. */
function answerLogProbs(
  params: Params,
  { config }: LanguageModel,
  { inputs, targets }: ReturnType<typeof encodeExamples>,
): tf.Tensor {
  return tf.tidy(() => {
    const { logits } = forward(params, config, { tokens: inputs });
    const length = targets.shape[1];
    const ofAnswers = tf.slice(logits, [0, inputs.shape[1] - length, 0], [-1, length, -1]);
    return gatherLogProbs(ofAnswers, targets);
  });
}

/** Mean probability of the right answers, which is the expected accuracy of sampling, in [0, 1]. */
export function answerProbability(
  params: Params,
  model: LanguageModel,
  examples: readonly TaskPrompt[],
): number {
  return tf.tidy(() => {
    const batch = encodeExamples(model, examples);
    return tf.mean(tf.exp(tf.sum(answerLogProbs(params, model, batch), 1))).dataSync()[0]!;
  });
}

/**
 * Supervised training on a task's answers, to bring a fresh model to where reinforcement has
 * something to reinforce. The loss is the cross-entropy of the answers' tokens.
 *
 * @param options - model, task, optimiser and length
 * @returns one record a step
 * @throws RangeError if an option is outside its range or the loss is not finite
 *
 * @example
 * ```ts
 * import { adamw } from '@cfrl/engine';
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * const task = addition({ digits: 1, heldOut: 20 });
 * const tokenizer = charTokenizer(task.alphabet);
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: tokenizer.vocabSize, hiddenSize: 16, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const model = { config, params: initParams(config, 0), tokenizer };
 * const losses: number[] = [];
 * const optimizer = adamw({ learningRate: 0.01 });
 * for await (const { row } of warmStart({ model, task, optimizer, steps: 8, batchSize: 16, seed: 0 })) {
 *   losses.push(row.loss);
 * }
 * losses.at(-1)! < losses[0]!; // => true
 * ```
 */
export async function* warmStart(
  options: WarmStartOptions,
): AsyncGenerator<WarmStartRecord, void, void> {
  const resolved = resolveOptions('warmStart', options, table);
  const { model, task, optimizer, steps, batchSize, seed, signal, from } = resolved;
  checkTask('warmStart', model, task, { heldOut: 0, train: true });
  // Checks the lengths of all examples now: a step draws its own at random, so a wrong one might be found late.
  tf.dispose({ ...encodeExamples(model, task.train) });
  let { step, params, optState } = from ?? {
    step: 0,
    params: model.params,
    optState: optimizer.init(model.params),
  };
  let lent = from !== undefined;
  const update = compile(supervisedUpdate(model, optimizer), { name: 'warmStart: update' });
  try {
    while (step < steps) {
      await yieldToEventLoop(signal);
      const source = rng(fold(seed, 'warm start', step));
      const examples = Array.from(
        { length: batchSize },
        () => task.train[randomInt(source, task.train.length)]!,
      );
      const batch = encodeExamples(model, examples);
      const next = update(params, optState, batch);
      const loss = next.loss.dataSync()[0]!;
      tf.dispose([batch.inputs, batch.targets, next.loss]);
      if (!Number.isFinite(loss)) {
        disposeParams(next.params);
        disposeParams(next.optState);
        throw new RangeError(
          `warmStart: loss is ${loss} at step ${step}, expected a finite number; lower the learning rate`,
        );
      }
      if (params !== model.params) disposeParams(params);
      disposeParams(optState);
      ({ params, optState } = next);
      step += 1;
      lent = true;
      const state = { step, sampledTokens: 0, stage: 0, params, optState };
      yield { row: { step, loss }, state };
    }
  } finally {
    update.dispose();
    // No record has lent this state.
    if (!lent) disposeParams(optState);
  }
}

/** One supervised step as a function of tensors alone. */
const supervisedUpdate =
  (model: LanguageModel, optimizer: Optimizer) =>
  (params: Params, optState: Params, batch: ReturnType<typeof encodeExamples>) => {
    const { value, grads } = valueAndGrad((p) =>
      tf.tidy(() => tf.neg(tf.mean(answerLogProbs(p, model, batch)))),
    )(params);
    const { updates, state } = optimizer.update(grads, optState, params);
    return { loss: value, params: applyUpdates(params, updates), optState: { ...state } };
  };
