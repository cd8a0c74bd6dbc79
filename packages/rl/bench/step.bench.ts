/**
 * One training step without its sampling: rewards, advantages, loss, gradient, optimiser. Run with
 * `npx vitest bench --run` in this package; `CFRL_BACKEND` chooses the backend. Check first that the
 * machine is idle.
 */
import { adamw, useBackend } from '@cfrl/engine';
import {
  type Algorithm,
  type Completion,
  type Policy,
  grpo,
  ppo,
  reinforce,
  rloo,
  train,
} from '@cfrl/rl';
import { bench, describe } from 'vitest';

import { prefixParams, prefixPolicy } from '../test/policies.js';

await useBackend(undefined, { install: false });

const vocabulary = 16;
const params = prefixParams(vocabulary);
const prompts = ['abc', 'defgh', 'ij', 'klmno'];
const inner = prefixPolicy(vocabulary, { maxTokens: 8 });
const sampled = await inner.sample(
  params,
  Array.from({ length: 128 }, (_, seed) => ({ prompt: prompts[seed % prompts.length]!, seed })),
);
/** Answers every step with the same completions, so that sampling costs nothing. */
const policy: Policy = {
  ...inner,
  sample: async (_, requests) => sampled.slice(0, requests.length),
};

const endless = (algorithm: Algorithm) =>
  train({
    ...{ policy, params, algorithm, prompts, promptsPerStep: prompts.length },
    reward: ({ tokens }: Completion) => tokens.length,
    optimizer: adamw({ learningRate: 1e-6 }),
    steps: Number.MAX_SAFE_INTEGER,
    seed: 1,
  });

describe.each([64, 128])('%d completions of up to 8 tokens', (completions) => {
  const groupSize = completions / prompts.length;
  for (const [name, algorithm] of Object.entries({
    reinforce: reinforce({ groupSize }),
    rloo: rloo({ groupSize }),
    grpo: grpo({ groupSize }),
    'ppo, one epoch': ppo({ groupSize, epochs: 1 }),
    'ppo, four epochs': ppo({ groupSize }),
  })) {
    const run = endless(algorithm);
    bench(name, async () => void (await run.next()), { iterations: 20, warmupIterations: 3 });
  }
});
