import { cloneParams, disposeParams, type Params } from '@cfrl/engine';
import {
  CLASSIFIER,
  type LanguageModel,
  addLora,
  body,
  classifier,
  forward,
  generate,
  isClassifier,
  isLora,
  mergeLora,
  promptTokens,
  tokenizerFromFiles,
} from '@cfrl/model';
import { assemble, decompose, empiricalNtk, entropyChange, predictUpdate } from '@cfrl/ntk';
import { type Context, probe, splitModel } from '@cfrl/recipes';
import { expectClose } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { task, tinyModel } from './support/model.js';

const list: Context[] = [[1, 10, 2], [3]];

/** With adapters on the head, the embedding and a layer, whose factors are not 0. */
function adapted(seed: number, architecture: 'llama' | 'gpt2' | 'cohere' = 'llama'): LanguageModel {
  const base = tinyModel(seed, {
    architecture,
    ...(architecture === 'cohere' && { logitScale: 0.3 }),
  });
  const fresh = addLora(base, { rank: 2, alpha: 3, targets: () => true }, 1);
  const params = Object.fromEntries(
    Object.entries(fresh.params).map(([name, tensor]) => [
      name,
      isLora(name)
        ? tf.tidy(() => tf.add(tensor, tf.randomNormal(tensor.shape, 0, 0.3, 'float32', 5)))
        : tf.clone(tensor),
    ]),
  );
  [base, fresh].forEach((each) => disposeParams(each.params));
  return { ...fresh, params };
}

/** Logits at the last token of each context, from the forward pass with the adapters beside their weights. */
const lastLogits =
  ({ config }: LanguageModel) =>
  (params: Params, contexts: readonly Context[]): tf.Tensor2D =>
    tf.tidy(() =>
      tf.concat(
        contexts.map((context) => {
          const tokens = tf.tensor2d([...context], [1, context.length], 'int32');
          const { logits } = forward(params, config, { tokens });
          return tf.reshape(tf.slice(logits, [0, context.length - 1, 0], [1, 1, -1]), [1, -1]);
        }),
      ),
    ) as tf.Tensor2D;

const largest = (x: tf.Tensor): number => tf.tidy(() => tf.max(tf.abs(x)).dataSync()[0]!);

describe('splitModel with adapters on the head', () => {
  it.each(['llama', 'cohere'] as const)(
    'R + G is the kernel of the real logits, and R that of the merged head (%s)',
    (architecture) => {
      const model = adapted(3, architecture);
      const split = splitModel(model);
      tf.tidy(() => {
        const W = split.params[CLASSIFIER] as tf.Tensor2D;
        const { ntk, representation } = assemble(decompose(split, list), W);
        // A weight and the merged one have the same derivatives: no factor is moved.
        const kernel = (select: (name: string) => boolean) =>
          empiricalNtk(lastLogits(model), model.params, list, undefined, { select });
        const K = kernel((name) => !isLora(name));
        const atol = 2e-5 * largest(K);
        expectClose(ntk.dataSync(), K.dataSync(), { atol, rtol: 1e-4 });
        const R = kernel((name) => name === CLASSIFIER);
        expectClose(representation.dataSync(), R.dataSync(), { atol, rtol: 1e-4 });
        // The head's adapter is a large part of the head here: its base alone gives another kernel.
        const base = assemble(decompose(split, list), model.params[CLASSIFIER] as tf.Tensor2D);
        expect(largest(tf.sub(base.ntk, K))).toBeGreaterThan(0.1 * largest(K));
      });
      split.dispose();
      disposeParams(model.params);
    },
  );

  it('is that of the merged model, number by number, and frees what it merged', () => {
    const model = adapted(4);
    const merged = mergeLora(model);
    const tensors = tf.memory().numTensors;
    const one = splitModel(model);
    const two = splitModel({ ...model, ...merged });
    tf.tidy(() => {
      const step = {
        samples: [{ context: [1, 2], token: 3, weight: 1 }],
        ...{ learningRate: 0.1, completions: 1 },
      };
      const [a, b] = [one, two].map((each) => ({
        norm: decompose(each, list).gradientNorm.dataSync(),
        change: predictUpdate(each, list, step).total.dataSync(),
      }));
      expectClose(a!.norm, b!.norm);
      expectClose(a!.change, b!.change);
    });
    one.dispose();
    two.dispose(); // has nothing to free
    expect(tf.memory().numTensors).toBe(tensors);
    [model, merged].forEach(({ params }) => disposeParams(params));
  });

  it('the head with its adapter is the classifier, everything else the body', () => {
    const { params } = adapted(0);
    const heads = ['lm_head.lora_A.weight', 'lm_head.lora_B.weight', 'lm_head.weight'];
    expect(Object.keys(classifier(params)).sort()).toEqual(heads);
    expect(Object.keys(body(params)).filter(isClassifier)).toEqual([]);
    expect(Object.keys(body(params)).length).toBe(Object.keys(params).length - 3);
    disposeParams(params);
  });

  it('a step of the head alone changes the entropy through the classifier alone, by as much as measured', () => {
    const model = adapted(2);
    const split = splitModel(model);
    const after = tf.tidy(() => {
      const B = model.params['lm_head.lora_B.weight']!;
      const noise = tf.randomNormal(B.shape, 0, 1e-3, 'float32', 3);
      return cloneParams({ ...model.params, 'lm_head.lora_B.weight': tf.add(B, noise) });
    });
    const now = mergeLora({ ...model, params: after });
    const { classifier: ofHead, body: ofBody, measured } = entropyChange(split, now.params, list);
    expect(ofBody).toBe(0);
    expect(Math.abs(measured)).toBeGreaterThan(1e-5);
    expect(Math.abs(ofHead / measured - 1)).toBeLessThan(0.02);
    split.dispose();
    [model.params, after, now.params].forEach(disposeParams);
  });
});

describe('contexts', () => {
  const vocab = Object.fromEntries([...'0123456789+=', '<s>', '</s>'].map((text, i) => [text, i]));
  const tokenizer = tokenizerFromFiles({
    tokenizer: { model: { type: 'BPE', vocab, merges: [] } },
    config: { bos_token: '<s>', eos_token: '</s>', add_bos_token: true },
  });

  it('are what the model saw: promptTokens, generate and the probe begin alike', async () => {
    const model = { ...tinyModel(1), tokenizer };
    const [first, second] = task.heldOut.map(({ prompt }) => prompt) as [string, string];
    const completions = await generate(model, [first, second], { maxNewTokens: 1 });
    const seen = completions.map(({ promptTokens: tokens }) => tokens);
    expect(seen[0]![0]).toBe(vocab['<s>']);
    expect([first, second].map((text) => promptTokens(model, text))).toEqual(seen);

    const { row } = await probe(model, task, 0, { prompts: 2, groupSize: 2, kernelContexts: 2 });
    tf.tidy(() => {
      const norms = decompose(splitModel(model), seen);
      const between = (norm: tf.Tensor2D) => norm.arraySync()[0]![1]!;
      expectClose([row.representationNorm!], [between(norms.representationNorm)]);
      expectClose([row.gradientNorm!], [between(norms.gradientNorm)]);
    });
    disposeParams(model.params);
  });

  it('that the model cannot read are refused by name', () => {
    const model = tinyModel();
    const split = splitModel(model);
    const tensors = tf.memory().numTensors;
    const sample = { token: 0, weight: 1 };
    const step = (context: unknown) =>
      ({ samples: [{ ...sample, context }], learningRate: 1, completions: 1 }) as never;
    const messages = [
      () => decompose(split, ['1+2='] as never),
      () => decompose(split, '1+2=' as never),
      () => decompose(split, [1, 2] as never),
      () => decompose(split, [[1], [2, 99]]),
      () => decompose(split, [[-1]]),
      () => decompose(split, [[0.5]]),
      () => decompose(split, [[]]),
      () => decompose(split, [[1, 1, 1, 1, 1, 1, 1, 1, 1]]),
      () => decompose(split, [[1]], [[14]]),
      () => decompose(model as never, [[1]]),
      () => entropyChange(split, model.params, [[14]]),
      () => predictUpdate(split, [[1]], step([14])),
      () => predictUpdate(split, [[14]], step([1])),
      () => promptTokens(model, 7 as never),
      () => promptTokens(model, ''),
      () => promptTokens(model, [14]),
      () => splitModel(undefined as never),
      () =>
        splitModel({
          ...model,
          params: { ...model.params, 'lm_head.bias': model.params[CLASSIFIER]! },
        }),
    ].map((call) => {
      try {
        call();
      } catch (error) {
        return (error as Error).message;
      }
      return 'no error';
    });
    expect(messages).toMatchInlineSnapshot(`
      [
        "decompose: contexts[0] is '1+2=', expected a list of tokens; promptTokens(model, prompt) gives those of a text or a conversation",
        "decompose: contexts is string, expected an array",
        "decompose: contexts[0] is 1, expected a list of tokens; promptTokens(model, prompt) gives those of a text or a conversation",
        "decompose: contexts[1][1] is 99, expected a token in [0, 14)",
        "decompose: contexts[0][0] is -1, expected a token in [0, 14)",
        "decompose: contexts[0][0] is 0.5, expected a token in [0, 14)",
        "decompose: contexts[0] is empty, expected at least one token",
        "decompose: contexts[0] has 9 tokens, expected at most 8 (maxPositions)",
        "decompose: contexts2[0][0] is 14, expected a token in [0, 14)",
        "decompose: model has no features(params, contexts), expected a SplitModel; of a language model splitModel(model) makes one",
        "entropyChange: contexts[0][0] is 14, expected a token in [0, 14)",
        "predictUpdate: samples' contexts[0][0] is 14, expected a token in [0, 14)",
        "predictUpdate: contexts[0][0] is 14, expected a token in [0, 14)",
        "promptTokens: prompt is 7, expected a text, a list of tokens, or messages; prompts is a list of those",
        "promptTokens: prompt is empty, expected at least one token",
        "promptTokens: prompt[0] is 14, expected a token in [0, 14)",
        "splitModel: model has no config, expected { config, params, tokenizer } as loadPretrained gives",
        "splitModel: model.params has 'lm_head.bias', expected a classifier without bias: the kernel splits for logits = W phi",
      ]
    `);
    expect(tf.memory().numTensors).toBe(tensors);
    disposeParams(model.params);
  });
});
