import { disposeParams, useBackend } from '@cfrl/engine';
import { fetchSmolLM2 } from '@cfrl/fixtures';
import { addLora, isLora, untie } from '@cfrl/model';
import { loadPretrained } from '@cfrl/model/node';
import { type Task, cfrl, disposeLoopState } from '@cfrl/recipes';
import { grpo } from '@cfrl/rl';
import { describe, expect, it } from 'vitest';

/** Why the model cannot be tested here, or its path. */
async function find(): Promise<{ readonly path?: string; readonly reason?: string }> {
  const { name } = await useBackend(undefined, { install: false });
  if (!name.startsWith('tensorflow')) {
    return { reason: `the backend is ${name}, not native TensorFlow` };
  }
  try {
    return { path: await fetchSmolLM2() };
  } catch (error) {
    if (process.env['CFRL_REQUIRE_SMOLLM2'] === '1') throw error;
    return { reason: `SmolLM2 cannot be had: ${(error as Error).message}` };
  }
}
const { path = '', reason } = await find();
if (reason !== undefined) process.stderr.write(`smollm2.test.ts is skipped: ${reason}\n`);

const ask = (country: string, answer: string) => ({
  prompt: [{ role: 'user', content: `What is the capital of ${country}? Answer with one word.` }],
  answer,
});

const task: Task = {
  name: 'capitals',
  description: 'capitals of countries, in one word',
  maxNewTokens: 6,
  stopTokens: [2], // <|im_end|>
  train: [ask('France', 'Paris'), ask('Italy', 'Rome'), ask('Spain', 'Madrid')],
  heldOut: [ask('Germany', 'Berlin'), ask('Norway', 'Oslo')],
  reward: (text, { answer }) => (text.includes(answer) ? 1 : 0) - 0.01 * text.length,
};

describe.skipIf(reason !== undefined)('cfrl on SmolLM2 with adapters', () => {
  it('runs a step of each stage on chats, the kernel left out, and explains them', async () => {
    const tied = await loadPretrained(path);
    const untied = untie(tied);
    const targets = ['29.self_attn.q_proj', '29.self_attn.v_proj', 'lm_head'];
    const { params, config } = addLora(untied, { rank: 2, targets }, 0);
    const model = { ...tied, params, config };
    [tied, untied].forEach((each) => disposeParams(each.params));
    const started = performance.now();
    const seen: unknown[] = [];
    const run = cfrl({
      ...{ model, task, algorithm: grpo({ groupSize: 2 }), seed: 0, classifierShare: 0.5 },
      ...{ tokenBudget: 16, promptsPerStep: 2, probeEvery: 1 },
      probe: { prompts: 2, groupSize: 2, kernelContexts: 0, maxBytes: 2 ** 28 },
    });
    let most = 0;
    for await (const { row, probed, state, done } of run) {
      most = Math.max(most, process.memoryUsage().rss);
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      process.stderr.write(
        `${row?.stage ?? 'before'}: ${seconds} s, ${(most / 2 ** 30).toFixed(1)} GiB\n`,
      );
      expect(probed!.row.gradientNorm).toBeUndefined();
      expect(probed!.row.entropy).toBeGreaterThan(0);
      expect(probed!.samples[0]!.prompt).toContain(
        '<|im_start|>user\nWhat is the capital of Germany?',
      );
      if (row) {
        seen.push(row.stage);
        const { entropyChangeBody, predictedEntropyChange, measuredEntropyChange } = probed!.row;
        expect(Number.isFinite(measuredEntropyChange)).toBe(true);
        expect(predictedEntropyChange).not.toBe(0);
        if (row.stage === 'classifier') expect(entropyChangeBody).toBe(0);
      }
      if (done) {
        const moved = Object.keys(params).filter(
          (name) => state.params[name]!.dataId !== params[name]!.dataId,
        );
        expect(moved.filter((name) => !isLora(name))).toEqual([]);
        expect(moved.length).toBe(6);
        disposeLoopState(state, params);
      }
    }
    expect(seen).toContain('classifier');
    expect(seen).toContain('all');
    disposeParams(params);
  }, 900_000);
});
