import { bytePairs } from '../tokenizer/byte-level.js';
import { type Metadata, required } from './metadata.js';
import { NORMAL, type TokenizerParts, type Vocabulary, idsByText } from './vocabulary.js';

const SPACE = '\u2581';

interface Merge {
  readonly pair: readonly [string, string];
  readonly score: number;
}

/** Every way to put a piece together from two others. */
function mergesInto(piece: string, score: number, ids: ReadonlyMap<string, number>): Merge[] {
  const characters = Array.from(piece);
  const merges = characters.slice(1).map((_, i): Merge => {
    const left = characters.slice(0, i + 1).join('');
    return { pair: [left, piece.slice(left.length)], score };
  });
  return merges
    .filter(({ pair }) => pair.every((part) => ids.has(part)))
    .sort(
      ({ pair: [a, b] }, { pair: [c, d] }) =>
        ids.get(a)! - ids.get(c)! || ids.get(b)! - ids.get(d)!,
    );
}

const lengthOf = (text: string): number => Array.from(text).length;

/**
 * The merges of SentencePiece's BPE, which joins the neighbours whose union has the best score.
 *
 * @returns pairs, the best first
 */
function mergesOf({ tokens, types }: Vocabulary, scores: ArrayLike<number>): Merge['pair'][] {
  const normal = tokens.flatMap((token, id) =>
    types[id] === NORMAL ? [[token, id] as const] : [],
  );
  const ids = new Map(normal);
  return normal
    .flatMap(([token, id]) => mergesInto(token, scores[id]!, ids))
    .sort(
      (a, b) =>
        b.score - a.score ||
        lengthOf(b.pair[0]) - lengthOf(a.pair[0]) ||
        lengthOf(b.pair[1]) - lengthOf(a.pair[1]),
    )
    .map(({ pair }) => pair);
}

/** SentencePiece BPE with byte fallback, the kind that llama.cpp calls `llama`. */
export function sentencePieceModel(metadata: Metadata, vocabulary: Vocabulary): TokenizerParts {
  const { tokens } = vocabulary;
  const scores = required(metadata.numbers('tokenizer.ggml.scores'), 'tokenizer.ggml.scores');
  if (scores.length !== tokens.length) {
    throw new RangeError(
      `loadPretrained: tokenizer.ggml.scores has ${scores.length} entries, expected ${tokens.length} (tokens)`,
    );
  }
  const prefixed = metadata.flag('tokenizer.ggml.add_space_prefix') ?? true;
  const unknown = metadata.number('tokenizer.ggml.unknown_token_id') ?? 0;
  const replace = (from: string, content: string): object => ({
    type: 'Replace',
    pattern: { String: from },
    content,
  });
  const prepend = prefixed ? [{ type: 'Prepend', prepend: SPACE }] : [];
  const strip = prefixed ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    normalizer: { type: 'Sequence', normalizers: [...prepend, replace(' ', SPACE)] },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [replace(SPACE, ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip],
    },
    model: bytePairs(idsByText(vocabulary), mergesOf(vocabulary, scores), {
      unk_token: tokens[unknown] ?? null,
      fuse_unk: true,
      byte_fallback: true,
    }),
    begins: true,
  };
}
