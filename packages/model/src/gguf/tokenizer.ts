import { addedToken, tokenizerJson } from '../tokenizer/tokenizer-json.js';
import type { TokenizerJson } from '../tokenizer/types.js';
import type { Value } from './cursor.js';
import { type Metadata, metadataOf, required } from './metadata.js';
import { SPECIAL, specialIds } from './special-ids.js';
import { bytePairModel, preTokenizers } from './tokenizer-byte-level.js';
import { sentencePieceModel } from './tokenizer-sentencepiece.js';
import { checkTokenizerKeys } from './unknown-keys.js';
import {
  CONTROL,
  type TokenizerParts,
  UNKNOWN,
  USER_DEFINED,
  type Vocabulary,
  vocabularyOf,
} from './vocabulary.js';

const ADDED = [UNKNOWN, CONTROL, USER_DEFINED];

/** Puts special tokens around a text. */
function template(begin: string | undefined, end: string | undefined, ids: Map<string, number>) {
  const special = (token: string | undefined, type: number): object[] =>
    token === undefined ? [] : [{ SpecialToken: { id: token, type_id: type } }];
  const around = (sequence: string, type: number): object[] => [
    ...special(begin, type),
    { Sequence: { id: sequence, type_id: type } },
    ...special(end, type),
  ];
  const used = [...new Set([begin, end].filter((token) => token !== undefined))];
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(
      used.map((id) => [id, { id, ids: [ids.get(id)!], tokens: [id] }]),
    ),
  };
}

function partsOf(metadata: Metadata, vocabulary: Vocabulary): TokenizerParts {
  const kind = required(metadata.text('tokenizer.ggml.model'), 'tokenizer.ggml.model');
  if (kind === 'gpt2') return bytePairModel(metadata, vocabulary);
  if (kind === 'llama') return sentencePieceModel(metadata, vocabulary);
  throw new RangeError(
    `loadPretrained: tokenizer.ggml.model is '${kind}', expected 'gpt2' (${preTokenizers.join(', ')}) or 'llama'`,
  );
}

/** The chat template, or several by name, as `tokenizer_config.json` has them. */
function chatTemplates(
  metadata: Metadata,
): string | { name: string; template: string }[] | undefined {
  const single = metadata.text('tokenizer.chat_template');
  const prefix = 'tokenizer.chat_template.';
  const listed = metadata.texts('tokenizer.chat_templates') ?? [];
  // llama.cpp looks a name up without the list, so files may lack it.
  const found = [...metadata.values.keys()].filter((key) => key.startsWith(prefix));
  const names = [...new Set([...listed, ...found.map((key) => key.slice(prefix.length))])];
  const named = names.map((name) => ({
    name,
    template: required(metadata.text(`${prefix}${name}`), `${prefix}${name}`),
  }));
  if (named.length === 0) return single;
  return [...(single === undefined ? [] : [{ name: 'default', template: single }]), ...named];
}

/**
 * The tokenizer that a GGUF file holds, as the contents of `tokenizer.json` and
 * `tokenizer_config.json`.
 *
 * @throws RangeError if its kind is unknown, something is missing, or a key that may change what texts become is unknown
 */
export function tokenizerOf(values: ReadonlyMap<string, Value>): {
  readonly tokenizer: TokenizerJson;
  readonly config: Readonly<Record<string, unknown>>;
} {
  const metadata = metadataOf(values);
  const vocabulary = vocabularyOf(metadata);
  const { begins, ...parts } = partsOf(metadata, vocabulary);
  const { stops: _, ...special } = specialIds(metadata);
  const { tokens, types } = vocabulary;
  const token = (id: number | undefined) => (id === undefined ? undefined : tokens[id]);
  const addsBegin = metadata.flag('tokenizer.ggml.add_bos_token') ?? begins;
  const addsEnd = metadata.flag('tokenizer.ggml.add_eos_token') ?? false;
  const begin = addsBegin ? token(special.bos) : undefined;
  const end = addsEnd ? token(special.eos) : undefined;
  const ids = new Map(tokens.map((text, id) => [text, id]));
  const named = Object.entries(SPECIAL)
    .map(([ours, theirs]) => [`${theirs}_token`, token(special[ours as keyof typeof SPECIAL])])
    .filter(([, text]) => text !== undefined);
  const chatTemplate = chatTemplates(metadata);
  checkTokenizerKeys(metadata);
  return {
    tokenizer: tokenizerJson({
      ...parts,
      added_tokens: tokens
        .map((text, id) => addedToken(id, text, { special: types[id] !== USER_DEFINED }))
        .filter(({ id }) => ADDED.includes(types[id]!)),
      post_processor: begin === undefined && end === undefined ? null : template(begin, end, ids),
    }),
    config: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...Object.fromEntries(named),
      clean_up_tokenization_spaces: false,
      ...(chatTemplate !== undefined && { chat_template: chatTemplate }),
    },
  };
}
