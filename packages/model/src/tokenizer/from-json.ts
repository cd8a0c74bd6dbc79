import { byteTokenizer } from './byte.js';
import { charTokenizer } from './char.js';
import type { Tokenizer, TokenizerJson } from './types.js';

/** JSON with sorted keys, so that two files can be compared whatever their order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );

/** A post-processor that leaves a text's tokens as they are; transformers writes it for none. */
const addsNothing = (postProcessor: unknown): boolean =>
  canonical((postProcessor as { single?: unknown } | null)?.single ?? null) ===
  canonical([{ Sequence: { id: 'A', type_id: 0 } }]);

/** What decides how a text becomes tokens; truncation and padding are settings for batches. */
const meaning = (json: Partial<TokenizerJson>): string =>
  canonical({
    ...json,
    truncation: null,
    padding: null,
    post_processor: addsNothing(json.post_processor) ? null : json.post_processor,
  });

/** The tokenizer that a file could be; whether it is, the comparison says. */
function candidate(model: Readonly<Record<string, unknown>> | undefined): Tokenizer | undefined {
  if (model?.['type'] === 'BPE') return byteTokenizer();
  const vocab = model?.['vocab'];
  if (model?.['type'] !== 'WordLevel' || typeof vocab !== 'object' || vocab === null)
    return undefined;
  const byId = Object.entries(vocab as Record<string, number>).sort(([, a], [, b]) => a - b);
  try {
    return charTokenizer(byId.map(([character]) => character).join(''));
  } catch {
    return undefined; // no alphabet; the caller reports the file
  }
}

/**
 * The tokenizer that a `tokenizer.json` describes.
 *
 * @param json - the parsed file, as {@link byteTokenizer} or {@link charTokenizer} wrote it; Python
 *   may have written it again
 * @returns the tokenizer
 * @throws RangeError if the file describes any other tokenizer
 *
 * @example
 * ```ts
 * const json = JSON.parse(JSON.stringify(charTokenizer('xyz')));
 * tokenizerFromJson(json).encode('zx'); // => [2, 0]
 * ```
 */
export function tokenizerFromJson(json: unknown): Tokenizer {
  const file = (json ?? {}) as Partial<TokenizerJson>;
  const tokenizer = candidate(file.model);
  if (tokenizer === undefined || meaning(tokenizer.toJSON()) !== meaning(file)) {
    throw new RangeError(
      `tokenizerFromJson: json is a ${String(file.model?.['type'])} tokenizer, expected one that byteTokenizer or charTokenizer wrote`,
    );
  }
  return tokenizer;
}
