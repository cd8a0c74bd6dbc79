import { disposeParams, sgd } from '@cfrl/engine';
import {
  type LanguageModel,
  charTokenizer,
  initParams,
  modelConfig,
  tokenizerFromFiles,
} from '@cfrl/model';
import { languageModelPolicy } from '@cfrl/recipes';
import { type StepRecord, disposeState, grpo, train } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

/** A model with more rows than tokens, whose turns end with 'e' or the end of text, and which reads conversations. */
function chatModel(): LanguageModel {
  const tokenizer = tokenizerFromFiles({
    tokenizer: charTokenizer('abcde').toJSON(),
    config: { eos_token: '<|end|>' },
    chatTemplate: '{% for m in messages %}{{ m.content }}<|end|>{% endfor %}',
  });
  const config = modelConfig({
    ...{ architecture: 'llama', vocabSize: 12, hiddenSize: 8, layers: 1, heads: 2 },
    ...{ maxPositions: 16, tiedEmbeddings: false, initializerRange: 0.3 },
  });
  const generationConfig = { eos_token_id: [tokenizer.endToken, 4] };
  return { config, params: initParams(config, 0), tokenizer, generationConfig };
}

const user = (content: string) => [{ role: 'user', content }];

describe('languageModelPolicy', () => {
  it("ends completions where the model's generation config says, and shows it", async () => {
    const model = chatModel();
    const policy = languageModelPolicy(model, { maxNewTokens: 12 });
    expect(policy.options).toEqual({
      ...{ maxNewTokens: 12, stopTokens: [6, 4], compile: true, rematerialize: false },
    });
    const requests = Array.from({ length: 30 }, (_, seed) => ({ prompt: 'ab', seed }));
    const completions = await policy.sample(model.params, requests);
    const ends = completions.filter(({ finishReason }) => finishReason === 'stop');
    expect(new Set(ends.map(({ tokens }) => tokens.at(-1)))).toEqual(new Set([6, 4]));
    expect(completions.flatMap(({ tokens }) => tokens.slice(0, -1))).not.toContain(4);
    expect(
      languageModelPolicy(model, { maxNewTokens: 2, stopTokens: [] }).options.stopTokens,
    ).toEqual([]);
    disposeParams(model.params);
  });

  it('trains on texts, tokens and conversations of a model with a padded vocabulary', async () => {
    const model = chatModel();
    const prompts = ['ab', [0, 1, 10], user('cd'), { messages: user('a') }];
    const seen: string[] = [];
    let last: StepRecord | undefined;
    for await (const record of train({
      ...{ policy: languageModelPolicy(model, { maxNewTokens: 4 }), params: model.params, prompts },
      ...{ algorithm: grpo({ groupSize: 2 }), optimizer: sgd({ learningRate: 0.1 }), steps: 2 },
      ...{ seed: 1, promptsPerStep: 4, reward: ({ text }: { text: string }) => text.length },
    })) {
      seen.push(...record.completions.map(({ prompt }) => prompt));
      for (const { tokens } of record.completions) expect(Math.max(...tokens)).toBeLessThan(7);
      // What sampling and scoring say of a token is the same though some rows are never drawn.
      expect(record.metrics.scoringGap).toBeLessThan(1e-4);
      last = record;
    }
    disposeState(last!.state, model.params);
    expect(new Set(seen)).toEqual(new Set(['ab', 'cd<|end|>', 'a<|end|>']));
    disposeParams(model.params);
  });

  it('finds prompts that cannot be completed before anything is sampled', () => {
    const model = chatModel();
    const { checkPrompts } = languageModelPolicy(model, { maxNewTokens: 12 });
    checkPrompts(['ab', [1], user('c')]);
    for (const [prompt, message] of [
      ['', 'languageModelPolicy: prompts[1] is empty, expected at least one token'],
      ['abcda', 'languageModelPolicy: prompts[1] has 5 tokens, expected at most 4'],
      ['x', 'languageModelPolicy: prompts[1]: '],
      [[12], 'languageModelPolicy: prompts[1][0] is 12, expected a token in [0, 12)'],
      [user('abcd'), 'languageModelPolicy: prompts[1] has 5 tokens'],
      [7, 'languageModelPolicy: prompts[1] is 7, expected a text, a list of tokens, or messages'],
    ] as const) {
      expect(() => checkPrompts(['a', prompt as never])).toThrow(message);
    }
    disposeParams(model.params);
  });

  it('stops sampling at a signal', async () => {
    const model = chatModel();
    const { sample } = languageModelPolicy(model, { maxNewTokens: 12 });
    const before = tf.memory().numTensors;
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(sample(model.params, [{ prompt: 'a', seed: 0 }], { signal })).rejects.toThrow(
      'enough',
    );
    expect(tf.memory().numTensors).toBe(before);
    disposeParams(model.params);
  });

  it.each<[object, string]>([
    [{}, 'languageModelPolicy: maxNewTokens is undefined, expected a positive integer'],
    [
      { maxNewTokens: 16 },
      'languageModelPolicy: maxNewTokens is 16, expected less than 16 (maxPositions)',
    ],
    [
      { maxNewTokens: 2, stopTokens: 3 },
      'languageModelPolicy: stopTokens is 3, expected a list of tokens',
    ],
    [
      { maxNewTokens: 2, stopTokens: [12] },
      'languageModelPolicy: stopTokens[0] is 12, expected a token',
    ],
    [
      { maxNewTokens: 2, compile: 'no' },
      'languageModelPolicy: compile is "no", expected true, false or \'xla\'',
    ],
    [
      { maxNewTokens: 2, rematerialize: 1 },
      'languageModelPolicy: rematerialize is 1, expected true or false',
    ],
    [
      { maxNewTokens: 2, temperature: 1 },
      'languageModelPolicy: options has "temperature", expected only',
    ],
  ])('refuses %j', (options, message) => {
    const model = chatModel();
    expect(() => languageModelPolicy(model, options as never)).toThrow(message);
    disposeParams(model.params);
  });
});
