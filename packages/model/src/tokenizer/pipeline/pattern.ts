import { toRegExp } from 'oniguruma-to-es';
import { parse } from 'oniguruma-parser/parser';
import { traverse } from 'oniguruma-parser/traverser';
import { z } from 'zod';

/** What a `tokenizer.json` searches for: a text, or a regular expression of Oniguruma. */
export const patternSchema = z.union([
  z.strictObject({ String: z.string() }),
  z.strictObject({ Regex: z.string() }),
]);

/** Repetitions without bound that one alternative may have: each may add a power to the time of a search. */
const UNBOUNDED = 4;

/**
 * Refuses expressions that JavaScript's engine, which backtracks, may need exponential time for: repetitions in
 * repetitions. Those in use have none.
 */
function checkTime(source: string): void {
  let open = 0;
  const counts = [0];
  const refuse = (): never => {
    throw new RangeError(
      `the regular expression ${JSON.stringify(source)} repeats a repetition, expected one whose search cannot take exponential time`,
    );
  };
  traverse(
    parse(source, { skipPropertyNameValidation: true }),
    {
      Alternative: {
        enter: () => void counts.push(0),
        exit: () => void counts.pop(),
      },
      Quantifier: {
        enter: ({ node }) => {
          if (node.max !== Infinity && node.max <= 1000) return;
          if (open > 0 || ++counts[counts.length - 1]! > UNBOUNDED) refuse();
          open++;
        },
        exit: ({ node }) => {
          if (node.max === Infinity || node.max > 1000) open--;
        },
      },
      Subroutine: refuse,
      Backreference: refuse,
    },
    {},
  );
}

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** The expression as JavaScript's, global. Throws if there is none. */
export function compilePattern(pattern: z.infer<typeof patternSchema>): RegExp {
  if ('String' in pattern) return new RegExp(escape(pattern.String), 'gu');
  if (pattern.Regex.length > 10_000)
    throw new RangeError('a regular expression is longer than 10000 characters');
  checkTime(pattern.Regex);
  return toRegExp(pattern.Regex, { global: true, rules: { captureGroup: true } });
}

/** A stretch of a text that matches, or one between matches. */
export interface Segment {
  start: number;
  end: number;
  readonly match: boolean;
}

/** The matches of a global expression and what is between them. */
export function segments(text: string, expression: RegExp): Segment[] {
  const found: Segment[] = [];
  let before = 0;
  expression.lastIndex = 0;
  for (let match = expression.exec(text); match !== null; match = expression.exec(text)) {
    const start = match.index;
    const end = start + match[0].length;
    if (start > before) found.push({ start: before, end: start, match: false });
    found.push({ start, end, match: true });
    before = end;
    if (end === start) expression.lastIndex += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  if (before < text.length) found.push({ start: before, end: text.length, match: false });
  return found;
}
