import { decodeStream } from '../tokenizer/stream.js';
import type { Tokenizer } from '../tokenizer/types.js';

/** The text of a completion, as it becomes certain. */
export interface TextStream {
  /**
   * Takes the next token.
   *
   * @param token - a stop token is not part of the text, and not given
   * @param mayStop - whether a stop string may end here
   * @returns the text that is certain now and was not before, and whether a stop string is complete
   */
  push(token: number, mayStop: boolean): { readonly text: string; readonly stopped: boolean };
  /** The text that was held back, when no token follows. */
  end(): string;
}

/** How much of the end of a text may be the beginning of a stop string. */
function beginnings(text: string, stopStrings: readonly string[]): number {
  const longest = Math.max(0, ...stopStrings.map((stop) => stop.length));
  for (let length = Math.min(text.length, longest - 1); length > 0; length--) {
    const end = text.slice(text.length - length);
    if (stopStrings.some((stop) => stop.length > length && stop.startsWith(end))) return length;
  }
  return 0;
}

/** Where the first stop string begins that is complete in the text after `from`: the one that ends first, of several the longest. */
function findStop(text: string, from: number, stopStrings: readonly string[]): number | undefined {
  let found: { start: number; end: number } | undefined;
  for (const stop of stopStrings) {
    const start = text.indexOf(stop, Math.max(0, from - stop.length + 1));
    const end = start + stop.length;
    if (start < 0) continue;
    if (!found || end < found.end || (end === found.end && start < found.start)) {
      found = { start, end };
    }
  }
  return found?.start;
}

/**
 * Text of tokens that come one by one. What may still change is held back: characters whose bytes are not all there, and
 * what may be the beginning of a stop string. The pieces together are the text of all tokens, cut off before the first
 * stop string.
 */
export function textStream(tokenizer: Tokenizer, stopStrings: readonly string[]): TextStream {
  const stream = decodeStream(tokenizer);
  let text = '';
  let searched = 0;
  let given = 0;
  let stopped = false;
  const giveUpTo = (end: number): string => {
    const piece = text.slice(given, end);
    given = Math.max(given, end);
    return piece;
  };
  return {
    push(token, mayStop) {
      text += stream.push(token);
      const stop = mayStop ? findStop(text, searched, stopStrings) : undefined;
      searched = text.length;
      if (stop !== undefined) {
        stopped = true;
        text = text.slice(0, stop);
        return { text: giveUpTo(stop), stopped };
      }
      return { text: giveUpTo(text.length - beginnings(text, stopStrings)), stopped };
    },
    end: () => {
      if (!stopped) text += stream.end();
      return giveUpTo(text.length);
    },
  };
}
