import type { StoredTensor } from '../checkpoint/stored.js';
import type { HuggingFaceConfig } from '../huggingface-config.js';
import type { Value } from './cursor.js';
import { ARCHITECTURES, type GgufArchitecture, type Place } from './architectures.js';
import { type Metadata, metadataOf, required } from './metadata.js';

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

/** Ids of special tokens, as a config has them. */
function tokenIds({ number }: Metadata): Record<string, number> {
  const ids = ['bos', 'eos', 'padding'].map((name) => [
    `${name === 'padding' ? 'pad' : name}_token_id`,
    number(`tokenizer.ggml.${name}_token_id`),
  ]);
  return Object.fromEntries(ids.filter(([, id]) => id !== undefined)) as Record<string, number>;
}

/**
 * A GGUF file's config and tensors as transformers has them.
 *
 * @throws RangeError if the architecture or a tensor is unknown
 */
export function toHuggingFace(
  values: ReadonlyMap<string, Value>,
  stored: readonly StoredTensor[],
): {
  readonly json: HuggingFaceConfig;
  readonly tensors: readonly StoredTensor[];
  readonly generationConfig: Readonly<Record<string, unknown>>;
} {
  const metadata = metadataOf(values);
  const name = required(metadata.text('general.architecture'), 'general.architecture');
  const architecture = lookUp(ARCHITECTURES, name);
  if (architecture === undefined) {
    return fail(
      `general.architecture is '${name}', expected one of ${Object.keys(ARCHITECTURES).join(', ')}`,
    );
  }
  const shards = metadata.number('split.count') ?? 1;
  if (shards > 1) {
    fail(
      `the model is split over ${shards} GGUF files, expected one; join them with gguf-split --merge`,
    );
  }
  const has = (tensor: string): boolean => stored.some((each) => each.name === tensor);
  const config = architecture.config(metadata, has);
  const inside = architecture.inside(config);
  const tensors = stored.map((tensor) => renamed(tensor, architecture, inside));
  const embedding = stored.find((tensor) => tensor.name === 'token_embd.weight');
  const ids = tokenIds(metadata);
  return {
    json: {
      ...config,
      vocab_size: required(embedding?.shape[0], 'token_embd.weight'),
      tie_word_embeddings: !has('output.weight'),
      ...ids,
    },
    tensors,
    generationConfig: ids,
  };
}
