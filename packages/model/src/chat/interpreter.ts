import {
  Environment,
  Interpreter,
  type Program,
  type RuntimeValue,
  type Statement,
} from './jinja.js';
import {
  pythonEquals,
  pythonJson,
  pythonLines,
  pythonReplace,
  pythonString,
  pythonStrip,
} from './python.js';

/** What a template may do: evaluations, characters that it makes, and items of a list. */
const [EVALUATIONS, CHARACTERS, ITEMS, WIDTH] = [2_000_000, 2 ** 26, 1_000_000, 1000];

/** The name of the call block that stands for `{% generation %}`. */
export const GENERATION = '__generation__';

type Signal = 'break' | 'continue' | undefined;

/** Text that is being written. */
interface Output {
  text: string;
}

const listOf = (value: RuntimeValue): RuntimeValue[] => value.value as RuntimeValue[];

const LISTS = new Set(['ArrayValue', 'TupleValue']);
const isText = ({ type }: RuntimeValue): boolean => type === 'StringValue';

/**
 * Runs templates as Python's Jinja does where the library's interpreter differs: values print as Python spells them,
 * comparison is by value, methods take their arguments, variables of a loop end with its round. Lengths and
 * evaluations are bounded. Templates reach nothing but the values that they are given.
 */
export class TemplateInterpreter extends Interpreter {
  /** Where literals are evaluated, which need no variables. */
  readonly #nowhere = new Environment();
  #evaluations = 0;
  #characters = 0;
  readonly #marks: readonly [string, string];

  /** @param marks - written before and after what the assistant generates */
  constructor(marks: readonly [string, string]) {
    super();
    this.#marks = marks;
  }

  override evaluate(statement: Statement | undefined, environment: Environment): RuntimeValue {
    if (++this.#evaluations > EVALUATIONS) {
      throw new RangeError(`it takes more than ${EVALUATIONS} evaluations`);
    }
    switch (statement?.type) {
      case 'Value':
        return statement['value'] as RuntimeValue;
      case 'Program':
        return this.#string(this.#render(statement['body'] as Statement[], environment));
      case 'BinaryExpression':
        return this.#bounded(this.#binary(statement, environment));
      case 'FilterExpression':
        return this.#bounded(this.#filter(statement, environment));
      case 'CallExpression':
        return this.#bounded(this.#call(statement, environment));
      case 'MemberExpression':
        return this.#member(statement, environment);
      case 'TestExpression':
        return this.#test(statement, environment);
      default:
        return super.evaluate(statement, environment);
    }
  }

  /** Counts what was made. */
  #bounded(value: RuntimeValue): RuntimeValue {
    if (isText(value)) this.#count((value.value as string).length);
    if (LISTS.has(value.type) && listOf(value).length > ITEMS) {
      throw new RangeError(`it makes a list of more than ${ITEMS} items`);
    }
    return value;
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > CHARACTERS) {
      throw new RangeError(`it makes more than ${CHARACTERS} characters`);
    }
  }

  #string(text: string): RuntimeValue {
    return super.evaluate({ type: 'StringLiteral', value: text }, this.#nowhere);
  }

  #integer(value: number): RuntimeValue {
    return super.evaluate({ type: 'IntegerLiteral', value }, this.#nowhere);
  }

  #list(values: readonly RuntimeValue[]): RuntimeValue {
    return super.evaluate({ type: 'ArrayLiteral', value: values.map(held) }, this.#nowhere);
  }

  #boolean(truth: boolean): RuntimeValue {
    const operator = { value: 'not' };
    const argument = held(this.#integer(truth ? 0 : 1));
    return super.evaluate({ type: 'UnaryExpression', operator, argument }, this.#nowhere);
  }

  #undefined(): RuntimeValue {
    return super.evaluate(undefined, this.#nowhere);
  }

  #render(statements: readonly Statement[], environment: Environment): string {
    const out: Output = { text: '' };
    this.#run(statements, environment, out);
    return out.text;
  }

  #write(out: Output, text: string): void {
    out.text += text;
    this.#count(text.length);
  }

  /** Writes what statements print, up to a break or continue. */
  #run(statements: readonly Statement[], environment: Environment, out: Output): Signal {
    for (const statement of statements) {
      const signal = this.#runOne(statement, environment, out);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  #runOne(statement: Statement, environment: Environment, out: Output): Signal {
    const body = statement['body'] as Statement[];
    switch (statement.type) {
      case 'StringLiteral':
        this.#write(out, statement['value'] as string);
        return undefined;
      case 'If': {
        const truth = this.evaluate(statement['test'] as Statement, environment).__bool__().value;
        return this.#run(truth ? body : (statement['alternate'] as Statement[]), environment, out);
      }
      case 'For':
        this.#runFor(statement, environment, out);
        return undefined;
      case 'Break':
        return 'break';
      case 'Continue':
        return 'continue';
      case 'Set': {
        const text = statement['value']
          ? undefined
          : held(this.#string(this.#render(body, environment)));
        super.evaluate(text === undefined ? statement : { ...statement, value: text }, environment);
        return undefined;
      }
      case 'Macro':
        super.evaluate(statement, environment);
        return undefined;
      case 'Comment':
        return undefined;
      case 'CallStatement': {
        const { callee } = statement['call'] as { callee: Statement };
        if (callee['value'] === GENERATION) {
          const text = this.#render(body, new Environment(environment));
          this.#write(out, this.#marks[0] + text + this.#marks[1]);
          return undefined;
        }
        break;
      }
      case 'FilterStatement': {
        const operand = held(this.#string(this.#render(body, environment)));
        const value = this.evaluate(
          { type: 'FilterExpression', operand, filter: statement['filter'] },
          environment,
        );
        this.#write(out, pythonString(value));
        return undefined;
      }
    }
    this.#write(out, pythonString(this.evaluate(statement, environment)));
    return undefined;
  }

  #items(value: RuntimeValue): RuntimeValue[] {
    if (LISTS.has(value.type)) return listOf(value);
    switch (value.type) {
      case 'ObjectValue':
        return Array.from((value.value as Map<string, RuntimeValue>).keys(), (key) =>
          this.#string(key),
        );
      case 'StringValue':
        return Array.from(value.value as string, (character) => this.#string(character));
      case 'UndefinedValue':
        return [];
      default:
        throw new TypeError(`it loops over ${pythonString(value)}`);
    }
  }

  #assign(target: Statement, value: RuntimeValue, scope: Environment): void {
    if (target.type === 'Identifier') {
      scope.setVariable(target['value'] as string, value);
      return;
    }
    const targets = target['value'] as Statement[];
    const values = this.#items(value);
    if (values.length !== targets.length) {
      throw new RangeError(`it unpacks ${values.length} values to ${targets.length} names`);
    }
    targets.forEach((each, i) => this.#assign(each, values[i]!, scope));
  }

  #runFor(node: Statement, environment: Environment, out: Output): void {
    const iterable = node['iterable'] as Statement;
    const selects = iterable.type === 'SelectExpression';
    const source = (selects ? iterable['lhs'] : iterable) as Statement;
    const target = node['loopvar'] as Statement;
    const all = this.#items(this.evaluate(source, environment));
    const items = selects
      ? all.filter((item) => {
          const scope = new Environment(environment);
          this.#assign(target, item, scope);
          return this.evaluate(iterable['test'] as Statement, scope).__bool__().value;
        })
      : all;
    if (items.length === 0) {
      this.#run(node['defaultBlock'] as Statement[], environment, out);
      return;
    }
    for (let i = 0; i < items.length; i++) {
      const scope = new Environment(environment);
      scope.setVariable('loop', this.#loop(items, i));
      this.#assign(target, items[i]!, scope);
      if (this.#run(node['body'] as Statement[], scope, out) === 'break') return;
    }
  }

  /** The variable `loop`. */
  #loop(items: readonly RuntimeValue[], i: number): RuntimeValue {
    const fields: Readonly<Record<string, RuntimeValue>> = {
      index: this.#integer(i + 1),
      index0: this.#integer(i),
      revindex: this.#integer(items.length - i),
      revindex0: this.#integer(items.length - i - 1),
      first: this.#boolean(i === 0),
      last: this.#boolean(i === items.length - 1),
      length: this.#integer(items.length),
      previtem: items[i - 1] ?? this.#undefined(),
      nextitem: items[i + 1] ?? this.#undefined(),
    };
    const value = new Map(
      Object.entries(fields).map(([key, each]) => [
        { type: 'StringLiteral', value: key },
        held(each),
      ]),
    );
    return super.evaluate({ type: 'ObjectLiteral', value }, this.#nowhere);
  }

  #binary(node: Statement, environment: Environment): RuntimeValue {
    const operator = (node['operator'] as { value: string }).value;
    if (operator === 'and' || operator === 'or') {
      return super.evaluate(node, environment);
    }
    const left = this.evaluate(node['left'] as Statement, environment);
    const right = this.evaluate(node['right'] as Statement, environment);
    const number = (value: RuntimeValue): boolean =>
      value.type === 'IntegerValue' || value.type === 'FloatValue';
    switch (operator) {
      case '==':
        return this.#boolean(pythonEquals(left, right));
      case '!=':
        return this.#boolean(!pythonEquals(left, right));
      case '~':
        return this.#string(pythonString(left) + pythonString(right));
      case 'in':
      case 'not in':
        if (!LISTS.has(right.type)) break;
        return this.#boolean(
          listOf(right).some((each) => pythonEquals(each, left)) === (operator === 'in'),
        );
      case '%': {
        if (!number(left) || !number(right)) break;
        const [dividend, divisor] = [left.value as number, right.value as number];
        // The sign is the divisor's.
        const value = dividend - divisor * Math.floor(dividend / divisor);
        const whole = left.type === 'IntegerValue' && right.type === 'IntegerValue';
        return super.evaluate(
          { type: whole ? 'IntegerLiteral' : 'FloatLiteral', value },
          environment,
        );
      }
      case '+':
        if (isText(left) !== isText(right)) {
          throw new TypeError(`it adds a text and ${kindOf(isText(left) ? right : left)}`);
        }
    }
    return super.evaluate({ ...node, left: held(left), right: held(right) }, environment);
  }

  /** Arguments of a call: by place, and by name. */
  #arguments(
    args: readonly Statement[],
    environment: Environment,
  ): [RuntimeValue[], Map<string, RuntimeValue>] {
    const placed: RuntimeValue[] = [];
    const named = new Map<string, RuntimeValue>();
    for (const each of args) {
      if (each.type === 'KeywordArgumentExpression') {
        const { value: key } = each['key'] as { value: string };
        named.set(key, this.evaluate(each['value'] as Statement, environment));
      } else placed.push(this.evaluate(each, environment));
    }
    return [placed, named];
  }

  #filter(node: Statement, environment: Environment): RuntimeValue {
    const filter = node['filter'] as Statement;
    const called = filter.type === 'CallExpression';
    const name = (called ? (filter['callee'] as Statement) : filter)['value'] as string;
    const operand = this.evaluate(node['operand'] as Statement, environment);
    const [args, named] = called
      ? this.#arguments(filter['args'] as Statement[], environment)
      : [[], new Map<string, RuntimeValue>()];
    switch (name) {
      case 'tojson':
        return this.#string(
          pythonJson(operand, {
            indent: widthOf(named.get('indent') ?? args[0]),
            ensureAscii: named.get('ensure_ascii')?.__bool__().value,
            sortKeys: named.get('sort_keys')?.__bool__().value,
            separators: pairOf(named.get('separators')),
          }),
        );
      case 'string':
        return this.#string(pythonString(operand));
      case 'list':
        return this.#list(this.#items(operand));
      case 'first':
      case 'last':
        return this.#items(operand).at(name === 'first' ? 0 : -1) ?? this.#undefined();
      case 'length':
      case 'count':
        return this.#integer(this.#items(operand).length);
      case 'join': {
        if (named.has('attribute')) break;
        const between = args[0] ?? named.get('d');
        return this.#string(
          this.#joined(
            this.#items(operand).map(pythonString),
            between ? pythonString(between) : '',
          ),
        );
      }
      case 'trim':
      case 'capitalize':
      case 'replace':
        return this.#method(pythonString(operand), name === 'trim' ? 'strip' : name, args, named)!;
      case 'selectattr':
      case 'rejectattr':
        return this.#list(
          this.#items(operand).filter(
            (item) => this.#hasAttribute(item, args, environment) === (name === 'selectattr'),
          ),
        );
      case 'indent':
        widthOf(args[0] ?? named.get('width'));
    }
    return super.evaluate({ ...node, operand: held(operand) }, environment);
  }

  /** Whether a field of an item passes a test, by default that it is true. */
  #hasAttribute(
    item: RuntimeValue,
    [attribute, test, argument]: readonly RuntimeValue[],
    environment: Environment,
  ): boolean {
    const fields =
      item.type === 'ObjectValue' ? (item.value as Map<string, RuntimeValue>) : undefined;
    const value = fields?.get(attribute?.value as string) ?? this.#undefined();
    if (test === undefined) return value.__bool__().value;
    switch (test.value) {
      case 'equalto':
      case 'eq':
      case '==':
        return argument !== undefined && pythonEquals(value, argument);
      case 'ne':
      case '!=':
        return argument !== undefined && !pythonEquals(value, argument);
      case 'in':
        return this.#items(argument ?? this.#undefined()).some((each) => pythonEquals(value, each));
      default:
        return this.#test(
          {
            type: 'TestExpression',
            operand: held(value),
            negate: false,
            test: { value: test.value },
          },
          environment,
        ).__bool__().value;
    }
  }

  #joined(parts: readonly string[], between: string): string {
    this.#count(parts.reduce((sum, part) => sum + part.length + between.length, 0));
    return parts.join(between);
  }

  /** A method of Python's `str`, or undefined if it is none of these. */
  #method(
    text: string,
    name: string,
    args: readonly RuntimeValue[],
    named: ReadonlyMap<string, RuntimeValue>,
  ): RuntimeValue | undefined {
    const argument = (i: number): string | undefined => {
      const value = args[i];
      if (value === undefined || value.type === 'NullValue') return undefined;
      if (!isText(value)) throw new TypeError(`it calls ${name} with ${kindOf(value)}`);
      return value.value as string;
    };
    const needed = (i: number): string => {
      const value = argument(i);
      if (value === undefined) throw new TypeError(`it calls ${name} without a text`);
      return value;
    };
    switch (name) {
      case 'strip':
        return this.#string(pythonStrip(text, 'both', argument(0)));
      case 'lstrip':
        return this.#string(pythonStrip(text, 'left', argument(0)));
      case 'rstrip':
        return this.#string(pythonStrip(text, 'right', argument(0)));
      case 'capitalize': {
        const [first = '', ...rest] = Array.from(text);
        return this.#string(first.toUpperCase() + rest.join('').toLowerCase());
      }
      case 'splitlines':
        return this.#list(pythonLines(text).map((line) => this.#string(line)));
      case 'find':
        return this.#integer(
          Array.from(text.slice(0, Math.max(0, text.indexOf(needed(0))))).length -
            (text.includes(needed(0)) ? 0 : 1),
        );
      case 'count':
        return this.#integer(
          needed(0) === '' ? Array.from(text).length + 1 : text.split(needed(0)).length - 1,
        );
      case 'removeprefix':
        return this.#string(text.startsWith(needed(0)) ? text.slice(needed(0).length) : text);
      case 'removesuffix':
        return this.#string(
          text.endsWith(needed(0)) ? text.slice(0, text.length - needed(0).length) : text,
        );
      case 'join':
        return this.#string(
          this.#joined(this.#items(args[0] ?? this.#undefined()).map(pythonString), text),
        );
      case 'replace': {
        const [before, after] = [needed(0), needed(1)];
        const count = args[2] ?? named.get('count');
        const pieces = before === '' ? text.length + 1 : text.length / before.length;
        this.#count(pieces * after.length);
        return this.#string(
          pythonReplace(
            text,
            before,
            after,
            count?.type === 'IntegerValue' ? (count.value as number) : undefined,
          ),
        );
      }
      default:
        return undefined;
    }
  }

  #call(node: Statement, environment: Environment): RuntimeValue {
    const callee = node['callee'] as Statement;
    if (callee.type !== 'MemberExpression' || callee['computed']) {
      return super.evaluate(node, environment);
    }
    const object = this.evaluate(callee['object'] as Statement, environment);
    if (isText(object)) {
      const { value: name } = callee['property'] as { value: string };
      const [args, named] = this.#arguments(node['args'] as Statement[], environment);
      const result = this.#method(object.value as string, name, args, named);
      if (result !== undefined) return result;
    }
    return super.evaluate({ ...node, callee: { ...callee, object: held(object) } }, environment);
  }

  #member(node: Statement, environment: Environment): RuntimeValue {
    const object = this.evaluate(node['object'] as Statement, environment);
    if (object.type === 'UndefinedValue') {
      throw new TypeError('it reads a field of what is undefined');
    }
    const property = node['property'] as Statement;
    if (isText(object) && node['computed'] && property.type !== 'SliceExpression') {
      const index = this.evaluate(node['property'] as Statement, environment);
      if (index.type === 'IntegerValue') {
        const character = Array.from(object.value as string).at(index.value as number);
        return character === undefined ? this.#undefined() : this.#string(character);
      }
    }
    return super.evaluate({ ...node, object: held(object) }, environment);
  }

  #test(node: Statement, environment: Environment): RuntimeValue {
    const operand = this.evaluate(node['operand'] as Statement, environment);
    const { value: name } = node['test'] as { value: string };
    if (name !== 'iterable') {
      return super.evaluate({ ...node, operand: held(operand) }, environment);
    }
    const iterable =
      LISTS.has(operand.type) ||
      ['StringValue', 'ObjectValue', 'UndefinedValue'].includes(operand.type);
    return this.#boolean(iterable !== node['negate']);
  }
}

/** A node for a value that has been computed. */
const held = (value: RuntimeValue): Statement => ({ type: 'Value', value });

const kindOf = ({ type }: RuntimeValue): string => type.replace('Value', '').toLowerCase();

function widthOf(value: RuntimeValue | undefined): number | undefined {
  if (value === undefined || value.type === 'NullValue') return undefined;
  const width = value.value;
  if (typeof width !== 'number' || !Number.isInteger(width) || width < 0 || width > WIDTH) {
    throw new RangeError(`it indents by ${pythonString(value)}, not by 0 to ${WIDTH}`);
  }
  return width;
}

function pairOf(value: RuntimeValue | undefined): [string, string] | undefined {
  if (value === undefined || value.type === 'NullValue') return undefined;
  const [between, after, ...more] = LISTS.has(value.type) ? listOf(value) : [];
  if (between === undefined || after === undefined || more.length > 0) {
    throw new TypeError('its separators are no two texts');
  }
  return [pythonString(between), pythonString(after)];
}

/** Macros and call blocks write their bodies as programs: so that these print as all others do. */
export function prepareProgram(program: Program): Program {
  const wrap = (body: Statement[]): Statement[] => [
    Object.assign(Object.create(Object.getPrototypeOf(program) as object) as Program, {
      type: 'Program' as const,
      body,
    }),
  ];
  const visit = (statements: Statement[]): void => {
    for (const statement of statements) {
      const node = statement as unknown as Record<string, unknown>;
      for (const field of ['body', 'alternate', 'defaultBlock']) {
        if (Array.isArray(node[field])) visit(node[field] as Statement[]);
      }
      const generates =
        (node['call'] as { callee?: Statement } | undefined)?.callee?.['value'] === GENERATION;
      if (node['type'] === 'Macro' || (node['type'] === 'CallStatement' && !generates)) {
        node['body'] = wrap(node['body'] as Statement[]);
      }
    }
  };
  visit(program.body);
  return program;
}
