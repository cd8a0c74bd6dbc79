import type { Arguments, Expression, MacroBody, Statement, Target } from './ast.js';
import { type Token, TemplateError, tokenize } from './lexer.js';
import type { Value } from './values.js';

/** Whether there is a filter or a test of a name. */
export type IsKnown = (kind: 'filter' | 'test', name: string) => boolean;

const CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>(
  Object.entries({ true: true, True: true, false: false, False: false, none: null, None: null }),
);
const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=']);
const NO_ARGUMENTS: Arguments = { placed: [], named: [], more: undefined, moreNamed: undefined };

/**
 * Reads a template as Jinja's parser does.
 *
 * @throws TemplateError with the line of what is wrong
 */
export function parseTemplate(source: string, isKnown: IsKnown): Statement[] {
  const { tokens, error } = tokenize(source);
  const parser = new Parser(tokens, isKnown);
  try {
    const body = parser.statements([]);
    const first = error ?? parser.unknown[0];
    if (first) throw first;
    return body;
  } catch (wrong) {
    // The first error is thrown: the parser's, or the lexer's if the parser came to where it stopped.
    throw error && parser.atEnd ? error : wrong;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #isKnown: IsKnown;
  #at = 0;
  /** The number of loops around, and whether the code may never run, as in a branch of an `if`. */
  #state = { loops: 0, soft: false };
  /** Errors of unknown names in code that is sure to run: Python refuses them before it renders. */
  readonly unknown: TemplateError[] = [];

  constructor(tokens: readonly Token[], isKnown: IsKnown) {
    this.#tokens = tokens;
    this.#isKnown = isKnown;
  }

  get atEnd(): boolean {
    return this.#token.type === 'end';
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  #next(): Token {
    const token = this.#token;
    if (token.type !== 'end') this.#at++;
    return token;
  }

  #fail(message: string, line = this.#token.line): never {
    throw new TemplateError(line, message);
  }

  #unexpected(expected?: string): never {
    const { type, text } = this.#token;
    if (type === 'end') this.#fail('it ends too early');
    const what =
      type === 'variable_end' || type === 'block_end' ? 'the end of the tag' : JSON.stringify(text);
    this.#fail(`unexpected ${what}${expected === undefined ? '' : `, expected ${expected}`}`);
  }

  #is(type: Token['type'], text?: string): boolean {
    return this.#token.type === type && (text === undefined || this.#token.text === text);
  }

  #isFollowedBy(type: Token['type'], text: string): boolean {
    const next = this.#tokens[this.#at + 1];
    return next?.type === type && next.text === text;
  }

  #skip(type: Token['type'], text?: string): boolean {
    const found = this.#is(type, text);
    if (found) this.#next();
    return found;
  }

  #operator(text: string): boolean {
    return this.#skip('operator', text);
  }

  #word(text: string): boolean {
    return this.#skip('name', text);
  }

  #expect(type: Token['type'], text?: string): Token {
    if (!this.#is(type, text)) this.#unexpected(text === undefined ? `a ${type}` : `'${text}'`);
    return this.#next();
  }

  /** Statements up to a tag of these names, which is left to be read; of the whole template if there are none. */
  statements(ends: readonly string[]): Statement[] {
    const body: Statement[] = [];
    for (;;) {
      const { type, text, line } = this.#token;
      if (type === 'end') {
        if (ends.length > 0) this.#fail(`it ends too early, expected '${ends.join("' or '")}'`);
        return body;
      }
      if (type === 'data') {
        this.#next();
        body.push({ type: 'data', text, line });
      } else if (type === 'variable_begin') {
        this.#next();
        body.push({ type: 'print', value: this.#tuple(true), line });
        this.#expect('variable_end');
      } else {
        this.#next();
        if (this.#is('name') && ends.includes(this.#token.text)) return body;
        body.push(this.#statement());
        this.#expect('block_end');
      }
    }
  }

  /** The statements of a tag, and the name of the one that ends them. */
  #body(...ends: string[]): [Statement[], string] {
    this.#operator(':');
    this.#expect('block_end');
    const body = this.statements(ends);
    return [body, this.#next().text];
  }

  #statement(): Statement {
    const { text: tag, line } = this.#expect('name');
    switch (tag) {
      case 'if':
        return this.#if(line);
      case 'for':
        return this.#for(line);
      case 'break':
      case 'continue':
        if (this.#state.loops === 0) this.#fail(`'${tag}' outside of a loop`, line);
        return { type: tag, line };
      case 'set':
        return this.#set(line);
      case 'macro': {
        const { text: name } = this.#expect('name');
        return { type: 'macro', name, macro: this.#macro(name), line };
      }
      case 'call': {
        const [parameters, defaults] = this.#is('operator', '(') ? this.#signature() : [[], []];
        const call = this.#expression();
        if (call.type !== 'call') this.#fail('expected a call', line);
        const body = this.#block('endcall');
        return { type: 'call', call, macro: { name: undefined, parameters, defaults, body }, line };
      }
      case 'filter': {
        const filter = this.#filters(undefined, true)!;
        return { type: 'filter', filter, body: this.#body('endfilter')[0], line };
      }
      case 'with': {
        const values: [Target, Expression][] = [];
        while (!this.#is('block_end')) {
          if (values.length > 0) this.#expect('operator', ',');
          const target = this.#target();
          this.#expect('operator', '=');
          values.push([target, this.#expression()]);
        }
        return { type: 'with', values, body: this.#body('endwith')[0], line };
      }
      case 'block': {
        const { text: name } = this.#expect('name');
        this.#word('scoped');
        this.#word('required');
        const body = this.#block('endblock');
        this.#word(name);
        return { type: 'block', name, body, line };
      }
      case 'generation':
        return { type: 'generation', body: this.#block('endgeneration'), line };
      default:
        return this.#fail(
          ['include', 'import', 'from', 'extends'].includes(tag)
            ? `the tag '${tag}' reads another template, of which there is none`
            : `unexpected tag '${tag}'`,
          line,
        );
    }
  }

  /** Reads a part with another state, and restores the state. */
  #with<T>(state: Partial<{ loops: number; soft: boolean }>, parse: () => T): T {
    const before = this.#state;
    this.#state = { ...before, ...state };
    const result = parse();
    this.#state = before;
    return result;
  }

  /** The statements of a block up to its end, in which loops around do not count. */
  #block(end: string): Statement[] {
    return this.#with({ loops: 0 }, () => this.#body(end)[0]);
  }

  #if(line: number): Statement {
    const branches: [Expression, Statement[]][] = [];
    let otherwise: Statement[] = [];
    this.#with({ soft: true }, () => {
      for (let end = 'elif'; end !== 'endif';) {
        const test = end === 'elif' ? this.#tuple(false) : undefined;
        const [body, next] = test ? this.#body('elif', 'else', 'endif') : this.#body('endif');
        if (test) branches.push([test, body]);
        else otherwise = body;
        end = next;
      }
    });
    return { type: 'if', branches, otherwise, line };
  }

  #for(line: number): Statement {
    const target = this.#target('in');
    this.#expect('name', 'in');
    const over = this.#tuple(false, 'recursive');
    const test = this.#word('if') ? this.#expression() : undefined;
    const recursive = this.#word('recursive');
    const { loops } = this.#state;
    const [body, end] = this.#with({ soft: false, loops: loops + 1 }, () =>
      this.#body('endfor', 'else'),
    );
    const otherwise =
      end === 'else' ? this.#with({ soft: false }, () => this.#body('endfor')[0]) : [];
    return { type: 'for', target, over, test, recursive, body, otherwise, line };
  }

  #set(line: number): Statement {
    const target = this.#target(undefined, true);
    if (this.#operator('=')) return { type: 'set', target, value: this.#tuple(true), line };
    const filter = this.#filters(undefined);
    return { type: 'setBlock', target, filter, body: this.#body('endset')[0], line };
  }

  #macro(name: string): MacroBody {
    if (CONSTANTS.has(name)) this.#fail(`can't assign to '${name}'`);
    const [parameters, defaults] = this.#signature();
    const body = this.#with({ soft: false }, () => this.#block('endmacro'));
    return { name, parameters, defaults, body };
  }

  /** Reads parts with commas between them, up to a sign, which is read too. */
  #listed(close: string, mayEndInComma: boolean, readPart: () => void): void {
    for (let first = true; !this.#operator(close); first = false) {
      if (!first) this.#expect('operator', ',');
      if (!first && mayEndInComma && this.#operator(close)) return;
      readPart();
    }
  }

  #signature(): [string[], Expression[]] {
    const parameters: string[] = [];
    const defaults: Expression[] = [];
    this.#expect('operator', '(');
    this.#listed(')', false, () => {
      parameters.push(this.#targetName());
      if (this.#operator('=')) defaults.push(this.#expression());
      else if (defaults.length > 0)
        this.#fail('a parameter without a default follows one with a default');
    });
    return [parameters, defaults];
  }

  #targetName(): string {
    const { text } = this.#expect('name');
    if (CONSTANTS.has(text)) this.#fail(`can't assign to '${text}'`);
    return text;
  }

  /** @param end - the word that follows it */
  #target(end?: string, fields = false): Target {
    const targets: Target[] = [];
    let many = false;
    const ends = (): boolean =>
      this.#is('operator', '=') ||
      this.#is('operator', ')') ||
      this.#is('block_end') ||
      (end !== undefined && this.#is('name', end));
    do {
      targets.push(this.#oneTarget(fields));
      many ||= this.#is('operator', ',');
    } while (this.#operator(',') && !ends());
    return many ? { type: 'targets', targets } : targets[0]!;
  }

  #oneTarget(fields: boolean): Target {
    if (this.#operator('(')) {
      const target = this.#target(undefined, fields);
      this.#expect('operator', ')');
      return target;
    }
    const name = this.#targetName();
    if (!fields || !this.#operator('.')) return { type: 'name', name };
    return { type: 'field', of: name, name: this.#expect('name').text };
  }

  /** An expression, or several with commas, which are a tuple. */
  #tuple(conditions: boolean, end?: string, inParentheses = false): Expression {
    const { line } = this.#token;
    const items: Expression[] = [];
    const ends = (): boolean =>
      ['variable_end', 'block_end', 'end'].includes(this.#token.type) ||
      this.#is('operator', ')') ||
      (end !== undefined && this.#is('name', end));
    let many = false;
    while ((items.length === 0 || this.#operator(',')) && !ends()) {
      items.push(conditions ? this.#expression() : this.#or());
      many ||= this.#is('operator', ',');
    }
    if (many) return { type: 'tuple', items, line };
    if (items.length > 0) return items[0]!;
    if (!inParentheses) this.#unexpected('an expression');
    return { type: 'tuple', items, line };
  }

  #expression(): Expression {
    const { line } = this.#token;
    const before = this.unknown.length;
    let value = this.#or();
    while (this.#word('if')) {
      const test = this.#or();
      const otherwise = this.#word('else') ? this.#expression() : undefined;
      // Code that may not be reached may use names that are not known.
      this.unknown.length = before;
      value = { type: 'condition', test, then: value, otherwise, line };
    }
    return value;
  }

  /** Operands with operators between them, of which the left ones come first. */
  #leftToRight(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    while (/^(operator|name)$/.test(this.#token.type) && operators.includes(this.#token.text)) {
      const { text: operator, line } = this.#next();
      left = { type: 'binary', operator, left, right: operand(), line };
    }
    return left;
  }

  #or(): Expression {
    return this.#leftToRight(['or'], () => this.#leftToRight(['and'], () => this.#not()));
  }

  #not(): Expression {
    const { line } = this.#token;
    if (this.#word('not')) return { type: 'unary', operator: 'not', of: this.#not(), line };
    return this.#compare();
  }

  #compare(): Expression {
    const { line } = this.#token;
    const first = this.#sum();
    const rest: [string, Expression][] = [];
    for (;;) {
      const { type, text } = this.#token;
      if (type === 'operator' && COMPARISONS.has(text)) {
        this.#next();
        rest.push([text, this.#sum()]);
      } else if (this.#word('in')) rest.push(['in', this.#sum()]);
      else if (this.#is('name', 'not') && this.#isFollowedBy('name', 'in')) {
        this.#at += 2;
        rest.push(['not in', this.#sum()]);
      } else return rest.length === 0 ? first : { type: 'compare', first, rest, line };
    }
  }

  #sum(): Expression {
    return this.#leftToRight(['+', '-'], () => this.#concat());
  }

  #concat(): Expression {
    const { line } = this.#token;
    const parts = [this.#product()];
    while (this.#operator('~')) parts.push(this.#product());
    return parts.length === 1 ? parts[0]! : { type: 'concat', parts, line };
  }

  #product(): Expression {
    return this.#leftToRight(['*', '/', '//', '%'], () =>
      this.#leftToRight(['**'], () => this.#unary(true)),
    );
  }

  #unary(filters: boolean): Expression {
    const { text, line } = this.#token;
    const signed = this.#operator('-') || this.#operator('+');
    const value: Expression = signed
      ? { type: 'unary', operator: text as '-' | '+', of: this.#unary(false), line }
      : this.#primary();
    const whole = this.#postfix(value);
    return filters ? this.#filtered(whole) : whole;
  }

  #primary(): Expression {
    const token = this.#next();
    const { type, text, line } = token;
    switch (type) {
      case 'name': {
        const value = CONSTANTS.get(text);
        return value === undefined
          ? { type: 'name', name: text, line }
          : { type: 'constant', value, line };
      }
      case 'string': {
        let value = text;
        while (this.#is('string')) value += this.#next().text;
        return { type: 'constant', value, line };
      }
      case 'integer':
        return { type: 'constant', value: integerOf(text), line };
      case 'float':
        return { type: 'constant', value: Number(text.replaceAll('_', '')), line };
      case 'operator':
        if (text === '(') {
          const value = this.#tuple(true, undefined, true);
          this.#expect('operator', ')');
          return value;
        }
        if (text === '[') {
          const items: Expression[] = [];
          this.#listed(']', true, () => void items.push(this.#expression()));
          return { type: 'list', items, line };
        }
        if (text === '{') {
          const entries: [Expression, Expression][] = [];
          this.#listed('}', true, () => {
            const key = this.#expression();
            this.#expect('operator', ':');
            entries.push([key, this.#expression()]);
          });
          return { type: 'dict', entries, line };
        }
    }
    if (type !== 'end') this.#at--;
    return this.#unexpected('an expression');
  }

  #postfix(start: Expression): Expression {
    let value = start;
    for (;;) {
      const { line } = this.#token;
      if (this.#operator('.')) {
        const { type, text } = this.#next();
        if (type === 'name') value = { type: 'attribute', of: value, name: text, line };
        else if (type === 'integer') {
          const index: Expression = { type: 'constant', value: integerOf(text), line };
          value = { type: 'item', of: value, index, line };
        } else {
          if (type !== 'end') this.#at--;
          this.#unexpected('a name');
        }
      } else if (this.#operator('[')) value = this.#subscript(value, line);
      else if (this.#is('operator', '(')) {
        value = { type: 'call', callee: value, args: this.#arguments(), line };
      } else return value;
    }
  }

  #subscript(of: Expression, line: number): Expression {
    const items: Expression[] = [];
    const ends = (): boolean => this.#is('operator', ']') || this.#is('operator', ',');
    do {
      if (this.#is('operator', ':') || !ends()) {
        const first = this.#is('operator', ':') ? undefined : this.#expression();
        if (this.#operator(':')) {
          const bounds: (Expression | undefined)[] = [first];
          for (;;) {
            bounds.push(this.#is('operator', ':') || ends() ? undefined : this.#expression());
            if (bounds.length > 2 || !this.#operator(':')) break;
          }
          if (items.length > 0 || !this.#is('operator', ']')) this.#unexpected("']'");
          this.#next();
          return { type: 'slice', of, bounds, line };
        }
        items.push(first!);
      } else this.#unexpected('an expression');
    } while (this.#operator(','));
    this.#expect('operator', ']');
    const index: Expression = items.length === 1 ? items[0]! : { type: 'tuple', items, line };
    return { type: 'item', of, index, line };
  }

  #arguments(): Arguments {
    const placed: Expression[] = [];
    const named: [string, Expression][] = [];
    let [more, moreNamed]: (Expression | undefined)[] = [];
    this.#expect('operator', '(');
    this.#listed(')', true, () => {
      const starred = more !== undefined || moreNamed !== undefined;
      const refuse = (wrong: boolean): void => {
        if (wrong) this.#fail('invalid arguments of a call');
      };
      refuse(moreNamed !== undefined);
      if (this.#operator('*')) {
        refuse(starred);
        more = this.#expression();
      } else if (this.#operator('**')) moreNamed = this.#expression();
      else if (this.#is('name') && this.#isFollowedBy('operator', '=')) {
        const { text } = this.#next();
        this.#next();
        named.push([text, this.#expression()]);
      } else {
        refuse(starred || named.length > 0);
        placed.push(this.#expression());
      }
    });
    return { placed, named, more, moreNamed };
  }

  /** Filters, tests and calls behind a value. */
  #filtered(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.#is('operator', '|')) value = this.#filters(value)!;
      else if (this.#is('name', 'is')) value = this.#test(value);
      else if (this.#is('operator', '(')) {
        const { line } = this.#token;
        value = { type: 'call', callee: value, args: this.#arguments(), line };
      } else return value;
    }
  }

  #dotted(): string {
    let name = this.#expect('name').text;
    while (this.#operator('.')) name += `.${this.#expect('name').text}`;
    return name;
  }

  /** @param inline - whether the first has no bar in front of it */
  #filters(of: Expression | undefined, inline = false): Expression | undefined {
    let value = of;
    for (let first = inline; first || this.#operator('|'); first = false) {
      const { line } = this.#token;
      const name = this.#dotted();
      this.#check('filter', name, line);
      const args = this.#is('operator', '(') ? this.#arguments() : NO_ARGUMENTS;
      value = { type: 'filter', of: value, name, args, line };
    }
    return value;
  }

  #check(kind: 'filter' | 'test', name: string, line: number): void {
    if (this.#state.soft || this.#isKnown(kind, name)) return;
    this.unknown.push(new TemplateError(line, `No ${kind} named '${name}'.`));
  }

  #test(of: Expression): Expression {
    const { line } = this.#next();
    const negated = this.#word('not');
    const name = this.#dotted();
    this.#check('test', name, line);
    let args = NO_ARGUMENTS;
    const { type, text } = this.#token;
    if (this.#is('operator', '(')) args = this.#arguments();
    else if (
      ['string', 'integer', 'float'].includes(type) ||
      (type === 'operator' && (text === '[' || text === '{')) ||
      (type === 'name' && !['else', 'or', 'and'].includes(text))
    ) {
      if (text === 'is' && type === 'name') this.#fail("you cannot chain tests with 'is'");
      args = { ...NO_ARGUMENTS, placed: [this.#postfix(this.#primary())] };
    }
    const test: Expression = { type: 'test', of, name, args, line };
    return negated ? { type: 'unary', operator: 'not', of: test, line } : test;
  }
}

function integerOf(text: string): bigint {
  return BigInt(text.replaceAll('_', '').toLowerCase());
}
