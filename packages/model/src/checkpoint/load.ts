import type { Params } from '@cfrl/engine';

import type { ModelConfig } from '../config/types.js';
import { fromHuggingFaceConfig } from '../huggingface/config-json.js';
import { resolvePretrained } from '../hub/resolve.js';
import type { HubOptions } from '../hub/settings.js';
import type { PretrainedTokenizer } from '../tokenizer/pretrained.js';
import { inFile } from '../tensor-files/reading.js';
import { readParams } from './read-params.js';
import { openSource } from './open-checkpoint.js';

/** Options of {@link loadPretrained}. */
export interface LoadOptions extends HubOptions {
  /** Whether to load the tokenizer. Without it only tokens can be used. @defaultValue true */
  readonly tokenizer?: boolean;
  /** Stops between two tensors, or two pieces of a large one; the call throws the signal's reason, and no tensor exists then. */
  readonly signal?: AbortSignal;
}

/** A loaded model; see {@link loadPretrained}. */
export interface PretrainedModel {
  readonly config: ModelConfig;
  readonly params: Params;
  /** The parsed `generation_config.json`; empty where there is none. */
  readonly generationConfig: Readonly<Record<string, unknown>>;
}

/**
 * Loads a model: a Hugging Face folder (`config.json`, `model.safetensors` or its shards,
 * `tokenizer.json`), a GGUF file of llama.cpp, or either from the hub.
 *
 * The tokenizer may have fewer tokens than the embedding has rows, or more, as in transformers; `generate` knows what to do.
 *
 * Tensors are read one after the other, so the peak is little above the parameters' own size. F16,
 * BF16 and quantised numbers become float32.
 *
 * @param pathOrId - a folder, a `.gguf` file, or `organisation/name` on the hub, where no such folder
 *   is. The hub is that of Python's `huggingface_hub`: `HF_ENDPOINT`, the cache of `HF_HUB_CACHE` and
 *   `HF_HOME`, the token of `HF_TOKEN` or `huggingface-cli login`, and `HF_HUB_OFFLINE`.
 * @param options - revision, token, cache, and whether to load the tokenizer
 * @returns configuration, parameters in the order of `paramShapes`, tokenizer and generation config;
 *   the caller owns the parameters
 * @throws RangeError if a file is missing or malformed, names or shapes do not fit the configuration
 *   (one error lists all of them), a number is not finite, the tokenizer is unknown, or there are only pickled weights; no tensor exists then. Error if the hub cannot be reached or refuses
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @example
 * ```ts
 * import { charTokenizer, initParams, modelConfig } from '@cfrl/model';
 * import { loadPretrained, savePretrained } from '@cfrl/model/node';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * const config = modelConfig({
 *   architecture: 'llama', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * const folder = await mkdtemp(`${tmpdir()}/cfrl-`);
 * await savePretrained(folder, {
 *   config, params: initParams(config, 0), tokenizer: charTokenizer('ab'),
 * });
 * (await loadPretrained(folder)).tokenizer.encode('ba'); // => [1, 0]
 * ```
 */
export function loadPretrained(
  pathOrId: string,
  options: LoadOptions & { readonly tokenizer: false },
): Promise<PretrainedModel>;
export function loadPretrained(
  pathOrId: string,
  options?: LoadOptions & { readonly tokenizer?: true },
): Promise<PretrainedModel & { readonly tokenizer: PretrainedTokenizer }>;
export async function loadPretrained(
  pathOrId: string,
  { tokenizer: wanted = true, signal, ...hub }: LoadOptions = {},
): Promise<PretrainedModel & { readonly tokenizer?: PretrainedTokenizer }> {
  signal?.throwIfAborted();
  const source = await openSource(await resolvePretrained(pathOrId, hub));
  try {
    const config = await inFile(source.file, async () => fromHuggingFaceConfig(source.json));
    const [{ layers }, { length }] = [config, source.tensors];
    // Before anything is made for each layer.
    if (layers > length) {
      throw new RangeError(
        `loadPretrained: the config has ${layers} layers, expected at most ${length}, one a tensor of the checkpoint`,
      );
    }
    const tokenizer = wanted ? await source.tokenizer() : undefined;
    const params = await readParams(config, source.tensors, signal);
    const { generationConfig } = source;
    return { config, params, generationConfig, ...(tokenizer !== undefined && { tokenizer }) };
  } finally {
    await source.close();
  }
}
