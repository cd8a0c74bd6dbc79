import { adamw, chain, clipByGlobalNorm, disposeParams } from '@cfrl/engine';
import { savePretrained } from '@cfrl/model/node';
import { languageModelPolicy } from '@cfrl/recipes';
import { type StepRecord, disposeState, grpo, train } from '@cfrl/rl';

import { tokenizer } from '../work/sizes.js';
import { grpo as work } from '../work/work.js';
import { randomRows } from './data.js';
import { type Job, type JobRequest, timed } from './job.js';
import { freshModel, lastLogProbs } from './model.js';

const { learningRate, weightDecay } = work;

/** A GRPO step: sample, reward, one update. The first step's completions are handed over for the comparison. */
export async function prepareGrpoStep({ size, folder, bare }: JobRequest): Promise<Job> {
  const model = freshModel(size);
  const promptTokens = randomRows(work.seed, work.prompts, work.promptLength);
  const prompts = promptTokens.map(tokenizer.decode);
  const run = train({
    policy: languageModelPolicy(model, {
      maxNewTokens: work.newTokens,
      stopTokens: [],
      compile: 'xla',
    }),
    compile: 'xla',
    params: model.params,
    algorithm: grpo({ groupSize: work.groupSize, clipRange: work.clipRange }),
    prompts,
    reward: ({ text }) => text.split(work.letter).length - 1,
    optimizer: chain(clipByGlobalNorm(work.maxGradNorm), adamw({ learningRate, weightDecay })),
    steps: Number.MAX_SAFE_INTEGER,
    seed: work.seed,
    promptsPerStep: work.prompts,
  });
  let last: StepRecord | undefined;
  const next = async (): Promise<StepRecord> => (last = (await run.next()).value!);

  const compared = bare ? undefined : await compare();
  async function compare() {
    await savePretrained(folder, model);
    const { ms, result } = await timed(next);
    const { completions, metrics, state } = result;
    const inOrder = completions.toSorted(
      (a, b) => a.promptIndex - b.promptIndex || a.sample - b.sample,
    );
    const rows = inOrder.map((each) => [...each.promptTokens, ...each.tokens]);
    const logProbs = (params: typeof model.params): number[] =>
      lastLogProbs(params, model.config, rows, work.newTokens);
    return {
      check: {
        logProbs: logProbs(model.params),
        logProbsAfterStep: logProbs(state.params),
        entropy: [metrics.entropy],
        reward: [metrics.rewardMean],
      },
      firstMs: ms,
      completions: inOrder.map(({ tokens }) => tokens),
    };
  }
  return {
    check: compared?.check ?? {},
    firstMs: compared?.firstMs ?? 0,
    handoff: { work, folder, prompts, promptTokens, completions: compared?.completions ?? [] },
    iterate: async () => void (await next()),
    release: async () => {
      await run.return();
      if (last !== undefined) disposeState(last.state, model.params);
      disposeParams(model.params);
    },
  };
}
