import { foundInstead } from '../tensor-files/found-instead.js';
import { NFC, byteLevel, bytePairs, splitWords, words } from './byte-level.js';
import { SPECIAL_DEFAULTS } from './special-defaults.js';
import { addedToken, tokenizerJson } from './tokenizer-json.js';

/** The older files of a byte-level BPE tokenizer, parsed. */
export interface BytePairFiles {
  /** `vocab.json` */
  readonly vocab: unknown;
  /** The text of `merges.txt`. */
  readonly merges: string;
  /** `tokenizer_config.json`, where it is there. */
  readonly config?: unknown;
  /** `added_tokens.json`, where it is there. */
  readonly added?: unknown;
}

type Json = Readonly<Record<string, unknown>>;

/** How a class of transformers cuts texts. */
interface TokenizerClass {
  readonly normalizer: Json | null;
  readonly split: (prefixSpace: boolean) => Json;
}

const gpt2: TokenizerClass = {
  normalizer: null,
  split: (prefixSpace) => byteLevel({ words: true, prefixSpace }),
};
const qwen2: TokenizerClass = {
  normalizer: NFC,
  split: (prefixSpace) => splitWords(words('\\p{N}'), prefixSpace),
};

/** By `tokenizer_class`, without `Fast`. */
const CLASSES: Readonly<Record<string, TokenizerClass>> = {
  GPT2Tokenizer: gpt2,
  GPTNeoXTokenizer: gpt2,
  Qwen2Tokenizer: qwen2,
};

const isRecordOf = (json: unknown, type: string): json is Json =>
  typeof json === 'object' &&
  json !== null &&
  !Array.isArray(json) &&
  Object.values(json).every((value) => typeof value === type);

const fail = (problem: string): never => {
  throw new RangeError(`loadTokenizer: ${problem}`);
};

/** `merges.txt`: a pair a line, after a line with the version. */
function mergesOf(text: string): [string, string][] {
  const instead = foundInstead(new TextEncoder().encode(text.slice(0, 64)));
  if (instead !== undefined) return fail(`merges.txt: ${instead}`);
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  return lines.flatMap((line, i): [string, string][] => {
    if (line === '' || (i === 0 && line.startsWith('#version'))) return [];
    const [left, right, more] = line.split(' ');
    return left && right && more === undefined
      ? [[left, right]]
      : fail(`merges.txt: line ${i + 1} is ${JSON.stringify(line)}, expected two tokens`);
  });
}

/**
 * What `tokenizer.json` and `tokenizer_config.json` would hold: the conversion that transformers does when it loads such a folder.
 *
 * @throws RangeError if a file does not fit, or `tokenizer_class` is one of another kind
 */
export function fromBytePairFiles({ vocab, merges, config = {}, added = {} }: BytePairFiles): {
  readonly tokenizer: Json;
  readonly config: Json;
} {
  const given = config as Json;
  const name = String(given['tokenizer_class'] ?? 'GPT2Tokenizer').replace(/Fast$/, '');
  const kind =
    (Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined) ??
    fail(
      `tokenizer_class is '${name}', expected one of ${Object.keys(CLASSES).join(', ')} for vocab.json and merges.txt; AutoTokenizer.from_pretrained(...).save_pretrained(...) of transformers writes a tokenizer.json`,
    );
  if (!isRecordOf(vocab, 'number')) {
    return fail('vocab.json is no record of numbers, expected token to id');
  }
  if (!isRecordOf(added, 'number')) {
    return fail('added_tokens.json is no record of numbers, expected token to id');
  }
  return {
    tokenizer: {
      ...tokenizerJson({
        added_tokens: Object.entries(added)
          .sort(([, a], [, b]) => Number(a) - Number(b))
          .map(([content, id]) => addedToken(Number(id), content, { normalized: true })),
        normalizer: kind.normalizer,
        pre_tokenizer: kind.split(given['add_prefix_space'] === true),
        decoder: byteLevel({ words: true, prefixSpace: true }),
        model: bytePairs(vocab, mergesOf(merges)),
      }),
    },
    config: { ...SPECIAL_DEFAULTS[name], ...given },
  };
}
