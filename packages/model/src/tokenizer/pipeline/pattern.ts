import { toRegExp } from 'oniguruma-to-es';
import { type Node, parse } from 'oniguruma-parser/parser';
import { z } from 'zod';

/** What a `tokenizer.json` searches for: a text, or a regular expression of Oniguruma. */
export const patternSchema = z.union([
  z.strictObject({ String: z.string() }),
  z.strictObject({ Regex: z.string() }),
]);

/** A repetition of more than this counts as one without end. */
const MANY = 32;

type Sequence = Extract<Node, { type: 'Alternative' }>['body'];

const single = (node: Node): boolean =>
  node.type === 'Character' || node.type === 'CharacterClass' || node.type === 'CharacterSet';

/** Whether a node matches in one way and at one length only, so that it may be repeated. */
function isFixed(node: Node): boolean {
  if (node.type === 'Quantifier')
    return node.min === node.max && node.max <= MANY && isFixed(node.body);
  if (node.type !== 'Group' && node.type !== 'CapturingGroup') return single(node);
  return node.body.length === 1 && node.body[0]!.body.every(isFixed);
}

/**
 * How many repetitions of a sequence may be retried at every length because what follows may fail. Each of them multiplies
 * the search time by the length of the text. Infinity where the time may be exponential.
 *
 * @param fails - whether what follows the sequence may fail
 */
function retries(sequence: Sequence, fails: boolean): number {
  let [count, after] = [0, fails];
  for (const node of sequence.toReversed()) {
    count += retriesOf(node, after);
    after ||= node.type !== 'Quantifier' || node.min > 0;
  }
  return count;
}

function retriesOf(node: Node, after: boolean): number {
  switch (node.type) {
    case 'Quantifier':
      if (node.max <= 1) return retriesOf(node.body, after);
      if (!isFixed(node.body)) return Infinity;
      return node.max > MANY && after && node.kind !== 'possessive' ? 1 : 0;
    case 'Group':
      return Math.max(...node.body.map(({ body }) => retries(body, after && !node.atomic)));
    case 'CapturingGroup':
      return Math.max(...node.body.map(({ body }) => retries(body, after)));
    case 'LookaroundAssertion':
      return Math.max(...node.body.map(({ body }) => retries(body, false)));
    case 'Assertion':
      return 0;
    default:
      return single(node) ? 0 : Infinity;
  }
}

/** Refuses expressions that JavaScript's engine, which backtracks, may take too long for. None in use is among them. */
function checkTime(source: string): void {
  const { body } = parse(source, { skipPropertyNameValidation: true });
  if (Math.max(...body.map((alternative) => retries(alternative.body, false))) > 1) {
    throw new RangeError(
      `the regular expression ${JSON.stringify(source)} has repetitions that may be tried again and again, expected one that is searched for in little time`,
    );
  }
}

/** A text as it stands, in a regular expression. */
export const escapeText = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** The expression as JavaScript's, global. Throws if there is none. */
export function compilePattern(pattern: z.infer<typeof patternSchema>): RegExp {
  if ('String' in pattern) return new RegExp(escapeText(pattern.String), 'gu');
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
