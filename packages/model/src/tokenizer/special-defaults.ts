type Json = Readonly<Record<string, unknown>>;

const END = '<|endoftext|>';
const LLAMA = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' };
const GEMMA = { bos_token: '<bos>', eos_token: '<eos>', unk_token: '<unk>', pad_token: '<pad>' };

/** The special tokens that classes of transformers have where no file says, by `tokenizer_class` without `Fast`. */
export const SPECIAL_DEFAULTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  GPT2Tokenizer: { bos_token: END, eos_token: END, unk_token: END },
  GPTNeoXTokenizer: { bos_token: END, eos_token: END, unk_token: END },
  Qwen2Tokenizer: { eos_token: END, pad_token: END, unk_token: END },
  LlamaTokenizer: LLAMA,
  GemmaTokenizer: GEMMA,
};

/** The class that transformers takes for a model whose files do not name one. */
const CLASS_OF_MODEL: Readonly<Record<string, string>> = {
  ...{ gpt2: 'GPT2Tokenizer', gpt_neox: 'GPTNeoXTokenizer' },
  ...{ qwen2: 'Qwen2Tokenizer', qwen3: 'Qwen2Tokenizer' },
  ...{ llama: 'LlamaTokenizer', mistral: 'LlamaTokenizer', phi3: 'LlamaTokenizer' },
  ...{ gemma: 'GemmaTokenizer', gemma2: 'GemmaTokenizer', gemma3_text: 'GemmaTokenizer' },
};

/** The ids of a `tokenizer.json` by text. */
function idsOf(tokenizer: Json): ReadonlyMap<unknown, unknown> {
  const added = Array.isArray(tokenizer['added_tokens']) ? tokenizer['added_tokens'] : [];
  const vocab = (tokenizer['model'] as Json | null | undefined)?.['vocab'] ?? {};
  const entries: [unknown, unknown][] = Array.isArray(vocab)
    ? vocab.map((piece, i) => [(piece as unknown[] | null)?.[0], i])
    : Object.entries(vocab);
  const tokens = added as readonly (Json | null)[];
  return new Map([
    ...entries,
    ...tokens.map((token): [unknown, unknown] => [token?.['content'], token?.['id']]),
  ]);
}

/**
 * A `tokenizer_config.json` with the special tokens that it leaves to transformers: those of the tokenizer's class, and as end what
 * the model ends with. What the tokenizer does not have is left out.
 *
 * @param models - `generation_config.json` and `config.json` of the folder, as far as they are there
 */
export function withSpecialDefaults(config: Json, tokenizer: Json, models: readonly Json[]): Json {
  const ids = idsOf(tokenizer);
  const first = (key: string): unknown =>
    [config, ...models].map((json) => json[key]).find((value) => value !== undefined);
  const name = first('tokenizer_class') ?? CLASS_OF_MODEL[String(first('model_type'))];
  const all = Object.entries(SPECIAL_DEFAULTS[String(name).replace(/Fast$/, '')] ?? {});
  const usual = Object.fromEntries(all.filter(([, text]) => ids.has(text)));
  const filled = { ...usual, ...config };
  if ((filled['eos_token'] ?? filled['sep_token'] ?? undefined) !== undefined) return filled;
  const ends = models
    .map((json) => json['eos_token_id'] ?? undefined)
    .find((id) => id !== undefined);
  const end: unknown = Array.isArray(ends) ? ends[0] : ends;
  const text = [...ids].find(([, id]) => id === end)?.[0];
  return text === undefined ? filled : { ...filled, eos_token: text };
}
