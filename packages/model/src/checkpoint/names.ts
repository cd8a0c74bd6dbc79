import { blueprints } from '../architecture/blueprints.js';
import { CLASSIFIER } from '../architecture/param-specs.js';
import type { Architecture, ModelConfig } from '../config/types.js';
import { type StoredTensor, sizeOf } from '../tensor-files/stored-tensor.js';
import { paramShapes } from '../transformer/init-params.js';

/** Parameters that transformers calls otherwise in files than in models. */
const STORED: Readonly<Partial<Record<Architecture, Readonly<Record<string, string>>>>> = {
  gpt_neox: { [CLASSIFIER]: 'embed_out.weight' },
};

export const storedName = (architecture: Architecture, name: string): string =>
  STORED[architecture]?.[name] ?? name;

/** The name of a parameter that a file calls so; the inverse of {@link storedName}. */
export const nameOfStored = (architecture: Architecture, stored: string): string =>
  Object.entries(STORED[architecture] ?? {}).find(([, other]) => other === stored)?.[0] ?? stored;

/** A name with the base model's prefix (`model.`), which checkpoints may lack, where only that one is known. */
export function prefixed(
  architecture: Architecture,
  name: string,
  isKnown: (name: string) => boolean,
): string {
  const whole = `${blueprints[architecture].embedding.split('.', 1)[0]}.${name}`;
  return !isKnown(name) && isKnown(whole) ? whole : name;
}

/** Masks, rotary tables, positions and counters that versions of transformers saved; none of them was trained. */
const BUFFER = new RegExp(
  [
    /(^|\.)(attn|attention)\.(masked_)?bias$/,
    /(^|\.)rotary_emb(_local)?\.((original_)?inv_freq|(cos|sin)_cached)$/,
    /(^|\.)(position_ids|embed_positions|causal_mask|rope\.freqs|num_batches_tracked)$/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

/**
 * The tensors of a checkpoint by the names of the configuration's parameters. Checkpoints in the wild
 * may lack the prefix of the base model (`h.0.ln_1.weight`) and hold buffers; what no parameter is called stays under its own name.
 */
export function adaptNames(
  config: ModelConfig,
  tensors: readonly StoredTensor[],
): Map<string, StoredTensor> {
  const shapes = paramShapes(config);
  const { architecture } = config;
  const isKnown = (name: string): boolean => Object.hasOwn(shapes, name);
  const byName = new Map<string, StoredTensor>();
  for (const tensor of tensors) {
    const name = prefixed(architecture, nameOfStored(architecture, tensor.name), isKnown);
    if (!isKnown(name) && BUFFER.test(name)) continue;
    if (byName.has(name)) {
      throw new RangeError(`loadPretrained: '${name}' is there twice, expected each tensor once`);
    }
    byName.set(name, tensor);
  }
  return byName;
}

async function equal(a: StoredTensor, b: StoredTensor): Promise<boolean> {
  if (a.kind !== b.kind || sizeOf(a.shape) !== sizeOf(b.shape)) return false;
  const [first, second] = [a, b].map(({ shape }) => new Float32Array(sizeOf(shape)));
  await a.read(first!);
  await b.read(second!);
  return first!.every((number, i) => Object.is(number, second![i]));
}

/**
 * Leaves out the classifier of a tied model, which some checkpoints hold beside the embedding.
 *
 * @throws RangeError if the two differ
 */
export async function dropTied(
  config: ModelConfig,
  byName: ReadonlyMap<string, StoredTensor>,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const stored = byName.get(CLASSIFIER);
  const embedding = byName.get(blueprints[config.architecture].embedding);
  if (!config.tiedEmbeddings || stored === undefined || embedding === undefined) return byName;
  if (!(await equal(stored, embedding))) {
    throw new RangeError(
      `loadPretrained: '${CLASSIFIER}' differs from the embedding, expected equal tensors; tie_word_embeddings is true in the config, set it to false`,
    );
  }
  return new Map([...byName].filter(([name]) => name !== CLASSIFIER));
}
