import { disposeParams } from '@cfrl/engine';
import { generate } from '@cfrl/model';
import { savePretrained } from '@cfrl/model/node';

import { decoding } from '../work/work.js';
import { randomRows } from './data.js';
import { type PrepareJob, timed } from './job.js';
import { freshModel } from './model.js';

const { batch, promptLength, newTokens, seed } = decoding;

/** Cached sampling of one completion a prompt, with the log-probability of every token. */
export const prepareDecoding: PrepareJob = async ({ size, folder }) => {
  const model = freshModel(size);
  await savePretrained(folder, model);
  const prompts = randomRows(seed, batch, promptLength);
  // No token ends a completion: all have the same length, as on the other side.
  const options = { maxNewTokens: newTokens, stopTokens: [], compile: 'xla' as const };
  const { ms, result } = await timed(() =>
    generate(model, prompts, { ...options, temperature: 0 }),
  );
  let calls = 0;
  return {
    check: {
      tokens: result.flatMap(({ tokens }) => tokens),
      logProbs: result.flatMap(({ logProbs }) => logProbs),
    },
    firstMs: ms,
    handoff: { work: decoding, folder, prompts },
    iterate: async () => void (await generate(model, prompts, { ...options, seed: calls++ })),
    release: async () => disposeParams(model.params),
  };
};
