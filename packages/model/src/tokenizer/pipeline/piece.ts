/** Where the UTF-16 units of a piece come from: unit `i` from `[from[i], to[i])` of the whole text. */
interface Origin {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/** A stretch of a text on its way to tokens. Its units are UTF-16's. */
export interface Piece {
  readonly text: string;
  /** Whether it begins where the whole text does. */
  readonly first: boolean;
  /** Absent when nobody asks for offsets. */
  readonly origin?: Origin;
}

/** A text before anything is done to it. */
export function wholePiece(text: string, aligned: boolean): Piece {
  if (!aligned) return { text, first: true };
  const from = Int32Array.from({ length: text.length }, (_, i) => i);
  return { text, first: true, origin: { from, to: from.map((i) => i + 1) } };
}

/** Units `[start, end)` of a piece. */
export function slicePiece(piece: Piece, start: number, end: number): Piece {
  const { text, first, origin } = piece;
  if (start === 0 && end === text.length) return piece;
  const part = { text: text.slice(start, end), first: first && start === 0 };
  if (origin === undefined) return part;
  const [from, to] = [origin.from.subarray(start, end), origin.to.subarray(start, end)];
  return { ...part, origin: { from, to } };
}

const characterEnd = (text: string, start: number): number =>
  start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);

const characterStart = (text: string, end: number): number =>
  end - (/[\uDC00-\uDFFF]/.test(text[end - 1]!) ? 2 : 1);

/** `content` in place of units `[start, end)`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly content: string;
}

/** Makes edits, which are in order and do not overlap. What is written comes from what it replaces. */
export function editPiece(piece: Piece, edits: readonly Edit[]): Piece {
  if (edits.length === 0) return piece;
  const { text, first, origin } = piece;
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, content } of edits) {
    parts.push(text.slice(at, start), content);
    at = end;
  }
  parts.push(text.slice(at));
  const edited = parts.join('');
  if (origin === undefined) return { text: edited, first };
  const from = new Int32Array(edited.length);
  const to = new Int32Array(edited.length);
  let [read, written] = [0, 0];
  const keep = (end: number): void => {
    from.set(origin.from.subarray(read, end), written);
    to.set(origin.to.subarray(read, end), written);
    written += end - read;
  };
  for (const { start, end, content } of edits) {
    keep(start);
    // It stands for the last character that it replaces; what replaces none, for the one after it.
    const character = end > start ? characterStart(text, end) : start;
    from.fill(origin.from[character] ?? 0, written, written + content.length);
    to.fill(origin.to[characterEnd(text, character) - 1] ?? 0, written, written + content.length);
    written += content.length;
    read = end;
  }
  keep(text.length);
  return { text: edited, first, origin: { from, to } };
}

let segmenter: Intl.Segmenter | undefined;

const graphemes = (text: string): string[] => {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
};

/** Edits that write `after` over the characters from `start`: composed to the first, the others from the end on. */
function overwrite(before: string, after: string, start: number): Edit[] {
  if (before === after) return [];
  const [old, fresh] = [Array.from(before), Array.from(after)];
  const kept = Math.max(1, Math.min(old.length, fresh.length));
  let at = start;
  return old.map((character, i): Edit => {
    const end = at + character.length;
    const j = i === 0 ? 0 : i - old.length + kept;
    const last = i === old.length - 1;
    const content = i > 0 && j < 1 ? '' : last ? fresh.slice(j).join('') : (fresh[j] ?? '');
    const edit = { start: at, end, content };
    at = end;
    return edit;
  });
}

/**
 * Rewrites a piece as a whole. Where its units come from is found by rewriting code points, or else graphemes, one by
 * one: if they make up the same text, each stands for its own; if not, the texts are laid over each other.
 */
export function rewritePiece(piece: Piece, rewrite: (text: string) => string): Piece {
  const text = rewrite(piece.text);
  if (text === piece.text) return piece;
  if (piece.origin === undefined) return { ...piece, text };
  const groups = [Array.from<string>(piece.text), graphemes(piece.text)].find(
    (each) => each.map(rewrite).join('') === text,
  );
  if (groups === undefined) return editPiece(piece, overwrite(piece.text, text, 0));
  let start = 0;
  const edits = groups.flatMap((group) => {
    const made = overwrite(group, rewrite(group), start);
    start += group.length;
    return made;
  });
  return editPiece(piece, edits);
}
