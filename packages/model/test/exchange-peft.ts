/**
 * The TypeScript side of tools/fixtures/peft/check_load.py, which starts it:
 *
 *     exchange-peft.ts write FOLDER    saves models and adapters there, each with the logits and tokens it computes
 *     exchange-peft.ts read FOLDER     loads the adapter that Python saved again and compares
 */
import { join } from 'node:path';

import { mapParams, useBackend, type Params } from '@cfrl/engine';
import {
  adapterParams,
  addLora,
  charTokenizer,
  forward,
  modelConfig,
  type Architecture,
  type LanguageModel,
  type LoraOptions,
  type ModelConfig,
} from '@cfrl/model';
import {
  loadAdapter,
  loadPretrained,
  readSafetensors,
  saveAdapter,
  savePretrained,
  writeSafetensors,
} from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

import { randomParams } from './arbitrary.js';

type Model = { readonly config: ModelConfig; readonly params: Params };
const everything = (): boolean => true;
const CASES: readonly (readonly [Architecture, 'tied' | 'untied', LoraOptions])[] = [
  ['llama', 'tied', { rank: 2, alpha: 3, targets: ['q_proj', 'o_proj', 'up_proj'] }],
  ['llama', 'untied', { rank: 3, rankStabilized: true, targets: everything }],
  ['gpt2', 'tied', { rank: 2 }],
  ['phi3', 'untied', { rank: 2, targets: everything }],
  ['gpt_neox', 'untied', { rank: 2, targets: everything }],
  ['qwen3', 'tied', { rank: 2 }],
  ['gpt2', 'untied', { rank: 1, alpha: 2, targets: ['c_attn', 'wte', 'lm_head', '0.mlp.c_proj'] }],
  ['qwen2', 'untied', { rank: 2, alpha: 3, dora: true, bias: 'all', targets: everything }],
  ['opt', 'tied', { rank: 2, dora: true, bias: 'lora_only', targets: ['q_proj', 'fc1'] }],
  [
    ...(['gemma', 'untied'] as const),
    { rank: 1, rankStabilized: true, wholeModules: ['lm_head', '1.mlp', 'model.norm'] },
  ],
];

/** Ranks and scales of modules; `addLora` makes all alike. */
function withPatterns(model: Model): Model {
  const { lora } = model.config;
  const special = lora!.modules[1]!;
  const names = Object.keys(model.params).filter((name) => name.startsWith(`${special}.lora_`));
  const doubled = names.map((name) => {
    const tensor = model.params[name]!;
    return [name, tf.concat([tensor, tensor], /_A/.test(name) ? 0 : 1)] as const;
  });
  return {
    config: {
      ...model.config,
      lora: {
        ...lora!,
        ranks: { [special]: 2 * lora!.rank },
        alphas: { [lora!.modules[0]!]: 7, [special]: 5 },
        dropout: 0.5,
      },
    },
    params: { ...model.params, ...Object.fromEntries(doubled) },
  };
}

async function write(root: string): Promise<void> {
  const tokenizer = charTokenizer('abcdefg');
  for (const [architecture, kind, options] of CASES) {
    const folder = join(root, `${architecture}-${kind}`);
    const config = modelConfig({
      ...{ architecture, vocabSize: tokenizer.vocabSize, hiddenSize: 16, layers: 2, heads: 4 },
      ...{
        intermediateSize: 12,
        maxPositions: 12,
        keyValueHeads: ['gpt2', 'gpt_neox', 'opt'].includes(architecture) ? 4 : 2,
      },
      tiedEmbeddings: kind === 'tied',
    });
    const model: LanguageModel = { config, params: randomParams(config, 1), tokenizer };
    await savePretrained(join(folder, 'model'), model);
    const fresh = addLora(model, options, 0);
    const own = adapterParams(fresh.config);
    const changed = mapParams(fresh.params, (tensor, name) => {
      const waves = tf.sin(tf.mul(tf.range(1, tensor.size + 1), 1.7));
      return own.includes(name) ? tf.mul(0.5, tf.reshape(waves, tensor.shape)) : tensor;
    });
    const made = { config: fresh.config, params: changed };
    const { config: full, params } = architecture === 'qwen3' ? withPatterns(made) : made;
    await saveAdapter(join(folder, 'adapter'), { config: full, params });
    const tokens = tf.tensor2d([1, 5, 2, 3, 0, 7], [2, 3], 'int32');
    const { logits } = forward(params, full, { tokens });
    await writeSafetensors(join(folder, 'expected.safetensors'), { tokens, logits });
  }
}

async function read(folder: string): Promise<void> {
  const model = await loadAdapter(
    join(folder, 'adapter'),
    await loadPretrained(join(folder, 'model')),
  );
  const { tensors } = await readSafetensors(join(folder, 'expected.safetensors'));
  const tokens = tensors['tokens'] as tf.Tensor2D;
  const { logits } = forward(model.params, model.config, { tokens });
  const difference = tf.max(tf.abs(tf.sub(logits, tensors['logits']!))).dataSync()[0]!;
  if (difference !== 0) throw new Error(`${folder}: logits differ by ${difference}`);
}

await useBackend('cpu');
const [command, folder] = process.argv.slice(2) as [string, string];
await (command === 'write' ? write(folder) : read(folder));
