import type { StoredTensor } from '../tensor-files/stored-tensor.js';
import type { HuggingFaceConfig } from '../huggingface/config-json.js';
import type { Value } from './cursor.js';
import { GGUF_ARCHITECTURES, type GgufArchitecture, type Place } from './architecture-tables.js';
import { metadataOf, required } from './metadata.js';
import { takeRopeFactors } from './rope-scaling.js';
import { SPECIAL, specialIds } from './special-ids.js';
import { checkArchitectureKeys } from './unknown-keys.js';

const fail = (problem: string): never => {
  throw new RangeError(`loadPretrained: ${problem}`);
};

const lookUp = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

function renamed(
  tensor: StoredTensor,
  { outside, layers }: GgufArchitecture,
  inside: Readonly<Record<string, Place>>,
): StoredTensor {
  const [, layer, part, kind] =
    /^(?:blk\.(\d+)\.)?([a-z_]+)\.(weight|bias)$/.exec(tensor.name) ?? [];
  const place =
    part === undefined ? undefined : lookUp(layer === undefined ? outside : inside, part);
  if (place === undefined) {
    return fail(`'${tensor.name}' of the GGUF file is none of this architecture's tensors`);
  }
  const [name, change = (same) => same] = place;
  const prefix = layer === undefined ? '' : `${layers}${layer}.`;
  return { ...change(tensor), name: `${prefix}${name}.${kind}` };
}

/**
 * A GGUF file's config and tensors as transformers has them.
 *
 * @throws RangeError if the architecture, a tensor or a key that may change what is computed is unknown
 */
export async function toHuggingFace(
  values: ReadonlyMap<string, Value>,
  all: readonly StoredTensor[],
): Promise<{
  readonly json: HuggingFaceConfig;
  readonly tensors: readonly StoredTensor[];
  readonly generationConfig: Readonly<Record<string, unknown>>;
}> {
  const metadata = metadataOf(values);
  const name = required(metadata.text('general.architecture'), 'general.architecture');
  const architecture = lookUp(GGUF_ARCHITECTURES, name);
  if (architecture === undefined) {
    return fail(
      `general.architecture is '${name}', expected one of ${Object.keys(GGUF_ARCHITECTURES).join(', ')}`,
    );
  }
  const shards = metadata.number('split.count') ?? 1;
  if (shards > 1) {
    fail(
      `the model is split over ${shards} GGUF files, expected one; join them with gguf-split --merge`,
    );
  }
  const { factors, tensors: stored } = architecture.takesNoFactors
    ? { factors: {}, tensors: all }
    : await takeRopeFactors(all);
  const has = (tensor: string): boolean => stored.some((each) => each.name === tensor);
  const keys = metadata.below(`${name}.`);
  const config = { model_type: name, ...architecture.config(keys, has, factors) };
  checkArchitectureKeys(keys);
  const inside = architecture.inside(config);
  const tensors = stored.map((tensor) => renamed(tensor, architecture, inside));
  const embedding = stored.find((tensor) => tensor.name === 'token_embd.weight');
  const { stops, ...special } = specialIds(metadata);
  const ids = Object.fromEntries(
    (['bos', 'eos', 'padding'] as const)
      .filter((each) => special[each] !== undefined)
      .map((each) => [`${SPECIAL[each]}_token_id`, special[each]]),
  );
  return {
    json: {
      ...config,
      vocab_size: required(embedding?.shape[0], 'token_embd.weight'),
      tie_word_embeddings: !has('output.weight'),
      ...ids,
    },
    tensors,
    generationConfig: { ...ids, ...(stops.length > 1 && { eos_token_id: stops }) },
  };
}
