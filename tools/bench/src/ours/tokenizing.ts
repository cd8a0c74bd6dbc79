import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { tokenizerFromFiles } from '@cfrl/model';

import { repositoryText } from '../work/text.js';
import { trainBpe } from '../work/train-bpe.js';
import { tokenizing } from '../work/work.js';
import { type PrepareJob, timed } from './job.js';

/** A number that changes with any of the tokens. */
const checksum = (tokens: readonly number[]): number =>
  tokens.reduce((sum, token) => (sum * 31 + token + 1) % 1_000_003, 0);

/** Text to tokens, by a byte-level BPE that was trained on it. */
export const prepareTokenizing: PrepareJob = async ({ folder }) => {
  const text = repositoryText(tokenizing.characters);
  const json = trainBpe(text, tokenizing.merges);
  const tokenizer = tokenizerFromFiles({
    tokenizer: JSON.parse(JSON.stringify(json)) as unknown,
    config: { eos_token: '<|end|>', pad_token: '<|pad|>' },
  });
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  await writeFile(join(folder, 'text.txt'), text);
  const { ms, result } = await timed(async () => tokenizer.encode(text));
  return {
    check: { tokens: [result.length], checksum: [checksum(result)] },
    firstMs: ms,
    handoff: { folder },
    iterate: async () => void tokenizer.encode(text),
    release: async () => undefined,
  };
};
