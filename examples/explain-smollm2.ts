/**
 * Why RL changed a real model: SmolLM2-135M-Instruct learns additions in thirty steps of GRPO, of adapters or of all parameters, and is
 * saved; `cfrl explain` then says through what its entropy changed.
 *
 *     npx pnpm --dir examples run explain-smollm2 [adapters|all] [FOLDER]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { disposeParams, fold, rng, useBackend } from '@cfrl/engine';
import { stderrProgress } from '@cfrl/engine/node';
import { fetchSmolLM2 } from '@cfrl/fixtures';
import { addLora, untie } from '@cfrl/model';
import { loadPretrained, saveAdapter, savePretrained } from '@cfrl/model/node';
import { type LoopState, type Task, disposeLoopState, standardRl } from '@cfrl/recipes';
import { grpo } from '@cfrl/rl';

const STEPS = 30;
const [what = 'adapters', folder = 'runs/explain-smollm2'] = process.argv.slice(2);

await useBackend();
const path = await fetchSmolLM2(stderrProgress());
const loaded = await loadPretrained(path);
const untied = untie(loaded);
disposeParams(loaded.params);
const before = join(folder, 'before');
const after = join(folder, what);
await savePretrained(before, untied);

/** Sums with two examples, so that the model knows what is asked. */
const sums = (count: number, source: ReturnType<typeof rng>): Task['train'] =>
  Array.from({ length: count }, () => {
    const [a, b] = [source.next(), source.next()].map((x) => Math.floor(10 * x)) as [
      number,
      number,
    ];
    return { prompt: `2+3=5\n7+1=8\n${a}+${b}=`, answer: String(a + b) };
  });
const task: Task = {
  name: 'sums',
  description: 'one-digit additions after two examples',
  maxNewTokens: 6,
  train: sums(64, rng(fold(0, 'train'))),
  heldOut: sums(32, rng(fold(0, 'held out'))),
  reward: (text, { answer }) => (text.split('\n')[0]!.trim() === answer ? 1 : 0),
};
const model =
  what === 'all'
    ? untied
    : {
        ...untied,
        ...addLora(untied, { rank: 8, targets: ['q_proj', 'v_proj', 'down_proj', 'lm_head'] }, 0),
      };

const [promptsPerStep, groupSize] = [4, 4];
let state: LoopState | undefined;
const run = standardRl({
  ...{ model, task, algorithm: grpo({ groupSize }), seed: 0, promptsPerStep },
  learningRate: what === 'all' ? 5e-6 : 3e-4,
  tokenBudget: STEPS * promptsPerStep * groupSize * task.maxNewTokens,
  probeEvery: STEPS,
  probe: { prompts: 32, groupSize: 2, kernelContexts: 0 },
});
for await (const { row, probed, state: now } of run) {
  state = now;
  if (row) console.log(`step ${row.step}: reward ${Number(row['rewardMean']).toFixed(2)}`);
  if (probed)
    console.log(
      `held out: reward ${probed.row.reward.toFixed(2)}, entropy ${probed.row.entropy.toFixed(3)}`,
    );
}
const trained = { ...model, params: state!.params };
if (what === 'all') await savePretrained(after, trained);
else await saveAdapter(after, trained);
mkdirSync(folder, { recursive: true });
const prompts = join(folder, 'prompts.jsonl');
writeFileSync(
  prompts,
  task.heldOut.map(({ prompt }) => `${JSON.stringify({ prompt })}\n`).join(''),
);
disposeLoopState(state!, model.params);
console.log(`\nnpx cfrl explain ${before} ${after} --prompts ${prompts}`);
