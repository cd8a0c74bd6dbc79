import type { Metadata } from './metadata.js';

/** Special tokens by their names in the file, with those of transformers. */
export const SPECIAL = { bos: 'bos', eos: 'eos', unknown: 'unk', padding: 'pad' } as const;

/** Ids of the special tokens of a GGUF file; absent where it has none. */
export interface SpecialIds extends Readonly<Partial<Record<keyof typeof SPECIAL, number>>> {
  /** Every token that ends a text or a turn; the end token is the first. */
  readonly stops: readonly number[];
}

/**
 * What llama.cpp takes where a file does not say, by the kind of tokenizer. For byte-level BPE it takes 11 as begin token too, an
 * ordinary token of most vocabularies; since texts do not begin with it there, there is none here, and templates print nothing for it.
 */
const DEFAULTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  llama: { bos: 1, eos: 2, unknown: 0 },
  gpt2: { eos: 11 },
};

/** Tokens that llama.cpp knows as ends of a text or a turn by their texts, whatever the file says. */
const ENDS: ReadonlySet<string> = new Set(
  (
    '<|eot_id|> <|im_end|> <|end|> <end_of_turn> <|endoftext|> <|eom_id|> ' +
    '<EOT> _<EOT> <｜end▁of▁sentence｜> <|end_of_text|> <end_of_utterance>'
  ).split(' '),
);

/**
 * The ids as llama.cpp understands them: by their keys, else by its defaults for the kind of tokenizer.
 *
 * @throws RangeError if an id is beyond the vocabulary
 */
export function specialIds(metadata: Metadata): SpecialIds {
  const tokens = metadata.texts('tokenizer.ggml.tokens') ?? [];
  const usual = DEFAULTS[metadata.text('tokenizer.ggml.model') ?? ''] ?? {};
  const given = (name: string): number | undefined => {
    const key = `tokenizer.ggml.${name}_token_id`;
    const id = metadata.number(key);
    if (id !== undefined && tokens.length > 0 && tokens[id] === undefined) {
      throw new RangeError(
        `loadPretrained: ${key} of the GGUF file is ${id}, expected less than ${tokens.length} (tokens)`,
      );
    }
    return id;
  };
  const id = (name: string): number | undefined => {
    const fallback = usual[name] ?? Infinity;
    return given(name) ?? (fallback < tokens.length ? fallback : undefined);
  };
  const byText = tokens.flatMap((text, i) => (ENDS.has(text) ? [i] : []));
  // Another default would be an ordinary token of most vocabularies.
  const eos = given('eos') ?? byText[0] ?? id('eos');
  const stops = [eos, given('eot'), given('eom'), ...byText].filter((each) => each !== undefined);
  const ids = { bos: id('bos'), eos, unknown: id('unknown'), padding: id('padding') };
  const known = Object.entries(ids).filter(([, each]) => each !== undefined);
  return { ...Object.fromEntries(known), stops: [...new Set(stops)] };
}
