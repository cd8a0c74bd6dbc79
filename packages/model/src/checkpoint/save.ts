import type { LanguageModel } from '../generation/options.js';
import { toHuggingFaceConfig } from '../huggingface-config.js';
import { encodeSafetensors } from '../safetensors/encode.js';
import { checkModel } from './check-model.js';
import { tokenizerTexts } from './tokenizer-folder.js';
import { writeFolder } from './write-files.js';

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/**
 * Saves a model as a Hugging Face folder that transformers loads: `model.safetensors`,
 * `tokenizer.json`, `tokenizer_config.json`, `generation_config.json` and `config.json`. A new folder
 * appears complete or not at all; in an existing one each file is replaced at once, `config.json`
 * last, and other files stay.
 *
 * @param folder - where to save; folders on the way are created
 * @param model - configuration, parameters and tokenizer; borrowed
 * @throws RangeError if the parameters or the tokenizer do not fit the configuration, or a number
 *   is not finite; nothing is written then
 *
 * @example
 * ```ts
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * import { savePretrained } from '@cfrl/model/node';
 * import { mkdtemp, readdir } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const folder = await mkdtemp(`${tmpdir()}/cfrl-`);
 * await savePretrained(folder, { config, params: initParams(config, 0), tokenizer });
 * (await readdir(folder)).length; // => 5
 * ```
 */
export async function savePretrained(folder: string, model: LanguageModel): Promise<void> {
  const { config, params, tokenizer } = model;
  const infos = Object.entries(params).map(([name, tensor]) => [
    name,
    {
      shape: tensor.shape,
      float: tensor.dtype === 'float32',
      values: () => tensor.dataSync(),
    },
  ]);
  checkModel('savePretrained', config, Object.fromEntries(infos), tokenizer);
  const tokens = { eos_token_id: tokenizer.endToken, pad_token_id: tokenizer.padToken };
  await writeFolder(folder, {
    'model.safetensors': encodeSafetensors(params, { format: 'pt' }),
    ...tokenizerTexts(tokenizer, config.maxPositions),
    'generation_config.json': json({
      ...tokens,
      do_sample: true,
      temperature: 1,
      top_k: 0,
      top_p: 1,
    }),
    'config.json': json({ ...toHuggingFaceConfig(config), ...tokens }),
  });
}
