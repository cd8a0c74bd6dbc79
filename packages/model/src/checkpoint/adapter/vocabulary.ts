import type { Params } from '@cfrl/engine';

import { blueprints } from '../../architecture/blueprints.js';
import type { Model, ModelConfig } from '../../config/types.js';
import { adaptableModules, isInside } from '../../lora/modules.js';
import type { PeftConfig } from './peft-config.js';
import { CLASSIFIER } from '../../architecture/param-specs.js';
import { isHeld, isTarget } from './modules.js';
import { sizes } from '../check-params.js';
import { equal, pick } from './tensors.js';

/** The model with the adapter's embedding and classifier, whose rows and tie may differ from the model's. */
export function withVocabulary(
  { config, params }: Model,
  peft: PeftConfig,
  own: Params,
  whole: readonly string[],
): { config: ModelConfig; params: Params; notices: string[] } {
  const { embedding } = blueprints[config.architecture];
  const given = pick([embedding, CLASSIFIER], own);
  // Whether the adapter makes two of a tied model's embedding and classifier, by factors of one of them.
  const apart =
    config.tiedEmbeddings &&
    adaptableModules({ ...config, tiedEmbeddings: false }).some(
      (module) =>
        [embedding, CLASSIFIER].includes(`${module.name}.weight`) &&
        isHeld(module, own) &&
        isTarget(config, peft, module.name),
    );
  const [first] = Object.entries(given);
  if (first === undefined && !apart) return { config, params, notices: [] };
  const isWhole = (name: string): boolean => isInside(name, whole) && !peft.keepsTied;
  const both = embedding in given && CLASSIFIER in given;
  const staysTied =
    config.tiedEmbeddings &&
    !apart &&
    (both ? equal(given[embedding], given[CLASSIFIER]) : embedding in given && !isWhole(embedding));
  // What a copy does not take the place of is still one tensor in a tied model.
  const shared = Object.keys(given).find((name) => !isWhole(name));
  const tied = shared === undefined ? params[embedding]! : given[shared]!;
  const before = config.tiedEmbeddings
    ? { ...params, [embedding]: tied, ...(!staysTied && { [CLASSIFIER]: tied }) }
    : params;
  const after = { ...before, ...(staysTied ? pick([embedding], given) : given) };
  const rows = first === undefined ? config.vocabSize : first[1].shape[0]!;
  const resized = rows !== config.vocabSize;
  const short = [embedding, CLASSIFIER].find(
    (name) => name in after && !(name in given) && after[name]!.shape[0] !== rows,
  );
  if (short !== undefined) {
    throw new RangeError(
      `loadAdapter: '${first![0]}' has shape ${sizes(first![1].shape)}, expected ${config.vocabSize} rows: the adapter has ` +
        `other tokens than the model, and no '${short}' for them; save it with save_embedding_layers=True`,
    );
  }
  const differs = Object.keys(given).some(
    (name) =>
      name in after && !isWhole(name) && !equal(after[name], params[name] ?? params[embedding]),
  );
  const changes: readonly (readonly [boolean, string])[] = [
    [
      resized,
      `the adapter's embedding has ${rows} rows and the model's ${config.vocabSize}: the model has ${rows} now; ` +
        "its tokens are those of the adapter's tokenizer, loadTokenizer(folder) loads it",
    ],
    [
      !resized && differs,
      "the adapter has an embedding or classifier of its own, which takes the model's place",
    ],
    [
      config.tiedEmbeddings && !staysTied,
      'embedding and classifier are one in the model and two with the adapter: it is untied now',
    ],
  ];
  return {
    config: { ...config, vocabSize: rows, tiedEmbeddings: staysTied },
    params: after,
    notices: changes.filter(([is]) => is).map(([, notice]) => notice),
  };
}
