/** Reads a template into texts, tags and their tokens, with what Jinja's `trim_blocks` and `lstrip_blocks` take off. */

import { pythonStrip } from './strings.js';

/** An error of a template's text, with its line. */
export class TemplateError extends Error {
  readonly line: number;

  constructor(line: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.line = line;
  }
}

export interface Token {
  readonly type:
    | 'data'
    | 'variable_begin'
    | 'variable_end'
    | 'block_begin'
    | 'block_end'
    | 'name'
    | 'string'
    | 'integer'
    | 'float'
    | 'operator'
    | 'end';
  readonly text: string;
  readonly line: number;
}

const BEGIN = /\{%([-+]?)\s*raw\s*(?:-%\}\s*|%\})|\{([%{#])([-+]?)/g;
const BLOCK_END = /(?:\+%\}|-%\}\s*|%\}\n?)/y;
const VARIABLE_END = /(?:-\}\}\s*|\}\})/y;
const COMMENT_END = /(?:\+#\}|-#\}\s*|#\}\n?)/g;
const RAW_END = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g;

const SPACE = /\s+/y;
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}\p{N}\p{M}_]+/uy;
const STRING = /'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const OPERATOR = /\/\/|\*\*|[=!<>]=|[-+*/%~[\](){}<>=.:|,;]/y;

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

const ESCAPE = /\\(?:\n|[\\'"abfnrtv]|[0-7]{1,3}|x[\da-f]{2}|u[\da-f]{4}|U[\da-f]{8}|[xuUN])/gi;
const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The text that a literal of Python stands for. */
function unescaped(literal: string, line: number): string {
  return literal.replace(ESCAPE, (whole) => {
    const code = whole.slice(1);
    const known = Object.hasOwn(ESCAPES, code) ? ESCAPES[code] : undefined;
    if (known !== undefined) return known;
    if (/^[0-7]/.test(code)) return String.fromCharCode(parseInt(code, 8));
    const point = parseInt(code.slice(1), 16);
    // Letters of the other case, as in `\X41`, are no escapes.
    if (!/^[xuU]/.test(code) || (code[0] === 'u' && code.length > 5)) return whole;
    if (Number.isNaN(point) || point > 0x10ffff) {
      throw new TemplateError(line, `the text has the escape ${whole}, which stands for nothing`);
    }
    return String.fromCodePoint(point);
  });
}

function lines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** Text without the spaces in front of a block that begins a line. */
function strippedBefore(text: string, sign: string, isBlock: boolean, startsLine: boolean): string {
  if (sign === '-') return pythonStrip(text, 'right');
  if (sign === '+' || !isBlock) return text;
  const line = text.lastIndexOf('\n') + 1;
  const inLine = text.slice(line);
  return (line > 0 || startsLine) && inLine !== '' && inLine.trim() === ''
    ? text.slice(0, line)
    : text;
}

/** The tokens of a template, up to an error where something is none. */
export function tokenize(template: string): {
  readonly tokens: readonly Token[];
  readonly error?: TemplateError;
} {
  const source = template.replace(/\r\n|\r/g, '\n').replace(/\n$/, '');
  const tokens: Token[] = [];
  let [at, line, startsLine] = [0, 1, true];
  const push = (type: Token['type'], text: string): void => void tokens.push({ type, text, line });
  const data = (text: string): void => {
    if (text !== '') push('data', text);
  };
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  /** Goes on behind what was matched. */
  const pass = (whole: string): void => {
    line += lines(whole);
    at += whole.length;
    startsLine = whole.endsWith('\n');
  };
  /** Text up to an end that must come, and the end. */
  const upTo = (pattern: RegExp, what: string): RegExpExecArray => {
    const end = match(pattern);
    if (end === null) throw new TemplateError(line, `it ends too early: ${what} is not closed`);
    return end;
  };

  try {
    while (readPart());
    push('end', '');
    return { tokens };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    push('end', '');
    return { tokens, error };
  }

  /** Reads text and the tag behind it; false at the end. */
  function readPart(): boolean {
    const begin = match(BEGIN);
    if (begin === null) {
      data(source.slice(at));
      return false;
    }
    const [whole, rawSign, kind, sign] = begin;
    const text = source.slice(at, begin.index);
    data(strippedBefore(text, rawSign ?? sign ?? '', kind !== '{', startsLine));
    pass(text + whole);
    if (kind === undefined) {
      const end = upTo(RAW_END, 'raw');
      const inner = source.slice(at, end.index);
      data(strippedBefore(inner, end[1] ?? '', true, startsLine));
      pass(inner + end[0]);
    } else if (kind === '#') {
      const end = upTo(COMMENT_END, 'a comment');
      pass(source.slice(at, end.index) + end[0]);
    } else {
      const name = kind === '%' ? 'block' : 'variable';
      push(`${name}_begin`, whole);
      readTag(kind === '%' ? BLOCK_END : VARIABLE_END, name);
    }
    return true;
  }

  function readTag(ending: RegExp, name: 'block' | 'variable'): void {
    const open: string[] = [];
    const token = (pattern: RegExp, type: Token['type'] | undefined): string | undefined => {
      const found = match(pattern)?.[0];
      if (found === undefined) return undefined;
      if (type === 'string') push(type, unescaped(found.slice(1, -1), line));
      else if (type !== undefined) push(type, found);
      pass(found);
      return found;
    };
    for (;;) {
      const end = open.length === 0 ? match(ending)?.[0] : undefined;
      if (end !== undefined) {
        push(`${name}_end`, end);
        pass(end);
        return;
      }
      if (at >= source.length)
        throw new TemplateError(line, `it ends too early: a ${name} is not closed`);
      if (
        token(SPACE, undefined) !== undefined ||
        token(FLOAT, 'float') !== undefined ||
        token(INTEGER, 'integer') !== undefined ||
        token(NAME, 'name') !== undefined ||
        token(STRING, 'string') !== undefined
      ) {
        continue;
      }
      const operator = token(OPERATOR, 'operator');
      if (operator === undefined) {
        throw new TemplateError(
          line,
          `unexpected ${JSON.stringify(String.fromCodePoint(source.codePointAt(at)!))}`,
        );
      }
      const closing = CLOSING[operator];
      if (closing !== undefined) open.push(closing);
      else if (/[)\]}]/.test(operator) && open.pop() !== operator) {
        throw new TemplateError(line, `unexpected '${operator}'`);
      }
    }
  }
}
