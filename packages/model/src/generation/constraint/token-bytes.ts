import { characterBytes, utf8 } from '../../tokenizer/pipeline/bytes.js';
import { fallbackByte } from '../../tokenizer/pipeline/decoders.js';
import type { Tokenizer } from '../../tokenizer/types.js';

/** What each token adds to the bytes of a text. */
export interface TokenBytes {
  /** `[V]`; undefined for special tokens, which are no part of a text. */
  readonly bytes: readonly (Uint8Array | undefined)[];
  /** Whether a text loses the space that its first token begins with. */
  readonly stripsFirst: boolean;
}

interface Step {
  readonly type?: string;
  readonly pattern?: { readonly String?: string };
  readonly content?: string;
  readonly decoders?: readonly Step[];
}

/** How a decoder of a `tokenizer.json` turns the text of a single token into bytes. */
function reader(decoder: Step | null): Pick<TokenBytes, 'stripsFirst'> & {
  readonly read: (token: string) => Uint8Array;
} {
  const steps = decoder?.type === 'Sequence' ? (decoder.decoders ?? []) : decoder ? [decoder] : [];
  const types = steps.map(({ type }) => type);
  const unknown = types.find(
    (type) =>
      !['ByteLevel', 'Fuse', 'Metaspace', 'Replace', 'ByteFallback', 'Strip'].includes(type!),
  );
  if (unknown !== undefined || steps.length === 0) {
    throw new RangeError(
      `constraint: the tokenizer has the decoder ${unknown ?? 'null'}, expected ByteLevel, Fuse, Metaspace, Replace, ByteFallback or Strip: ` +
        'of others, what a token adds to a text depends on its neighbours',
    );
  }
  if (types.includes('ByteLevel')) {
    const read = (token: string) =>
      Uint8Array.from(token, (character) => characterBytes.get(character)!);
    return { read, stripsFirst: false };
  }
  const replacements = steps.flatMap(({ type, pattern, content }) => {
    if (type === 'Metaspace') return [['\u2581', ' '] as const];
    return type === 'Replace' ? [[pattern?.String ?? '', content ?? ''] as const] : [];
  });
  const fallback = types.includes('ByteFallback');
  return {
    stripsFirst: types.includes('Metaspace') || types.includes('Strip'),
    read: (token) => {
      const byte = fallback ? fallbackByte(token) : undefined;
      if (byte !== undefined) return Uint8Array.of(byte);
      return utf8(replacements.reduce((text, [from, to]) => text.replaceAll(from, to), token));
    },
  };
}

function entriesOf({ vocab }: { readonly vocab?: unknown }): (readonly [string, number])[] {
  if (Array.isArray(vocab)) return vocab.map(([piece]: [string], id) => [piece, id] as const);
  return Object.entries(vocab as Record<string, number>);
}

/** The bytes of a tokenizer's tokens, by its `tokenizer.json`. */
export function tokenBytes({ toJSON, vocabSize }: Tokenizer): TokenBytes {
  const { decoder, model, added_tokens: added } = toJSON();
  const { read, stripsFirst } = reader(decoder);
  const bytes = new Array<Uint8Array | undefined>(vocabSize).fill(undefined);
  for (const [token, id] of entriesOf(model)) bytes[id] = read(token);
  for (const { id, content, special } of added) bytes[id] = special ? undefined : utf8(content);
  return { bytes, stripsFirst };
}
