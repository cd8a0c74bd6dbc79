import { Budget } from './budget.js';
import { accessOf } from './access.js';
import type { Runtime } from './call.js';
import { FILTERS } from './filters.js';
import { globalsOf, loopOf } from './globals.js';
import { isTrue, itemsOf } from './items.js';
import { TemplateError } from './lexer.js';
import type { IsKnown } from './parser.js';
import { binary, compare, signed, sliced } from './operators.js';
import {
  type Arguments,
  type Body,
  type Expression,
  type Loop,
  type MacroBody,
  type Statement,
  type Target,
  some,
} from './ast.js';
import { pythonString } from './python.js';
import { Scope } from './scope.js';
import { TESTS } from './tests.js';
import {
  type Args,
  Dict,
  Namespace,
  Native,
  Tuple,
  Undefined,
  type Value,
  defined,
  hashOf,
  kindOf,
} from './values.js';

/** How deep macros and recursive loops may call each other. */
const DEEPEST = 200;

type Signal = 'break' | 'continue' | undefined;

interface Output {
  text: string;
}

/**
 * Runs a template as Python's Jinja does in a sandbox that changes nothing. Lengths and evaluations are bounded, and a
 * template reaches nothing but the values that it is given.
 */
export class Interpreter {
  readonly #budget = new Budget();
  readonly #access = accessOf(this.#budget);
  readonly #marks: readonly [string, string];
  readonly #root: Scope;
  #line = 1;
  #depth = 0;

  readonly #runtime: Runtime = {
    budget: this.#budget,
    access: this.#access,
    filter: (name, value, args) => {
      const filter = FILTERS.get(name);
      if (filter === undefined) throw new TypeError(`No filter named '${name}'.`);
      return filter(this.#runtime, value, args);
    },
    test: (name, value, args) => {
      if (isNameTest(name)) {
        hashOf(value); // what has none is refused
        return typeof value === 'string' && isKnown(name, value);
      }
      const test = TESTS.get(name);
      if (test === undefined) throw new TypeError(`No test named '${name}'.`);
      return test(this.#runtime, value, args, name);
    },
  };

  /** @param marks - written before and after what the assistant generates */
  constructor(
    variables: ReadonlyMap<string, Value>,
    date: Date | undefined,
    marks: readonly [string, string],
  ) {
    this.#marks = marks;
    const globals = new Scope();
    for (const [name, value] of globalsOf(this.#budget, date)) globals.set(name, value);
    this.#root = new Scope(globals);
    for (const [name, value] of variables) this.#root.set(name, value);
  }

  /** @throws TemplateError with the line of what fails */
  render(body: Body): string {
    try {
      return this.#capture(body, this.#root).text;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new TemplateError(this.#line, error.message, { cause: error });
    }
  }

  /** What statements print in a scope of their own, and how they end. */
  #capture(body: Body, scope: Scope): { readonly text: string; readonly signal: Signal } {
    const out: Output = { text: '' };
    const signal = this.#run(body, scope, out);
    return { ...out, signal };
  }

  #write(out: Output, text: string): undefined {
    this.#budget.write(text.length);
    out.text += text;
  }

  #print(out: Output, value: Value): undefined {
    return this.#write(out, pythonString(this.#budget, value));
  }

  /** Writes what statements print, up to a break or continue. */
  #run(body: Body, scope: Scope, out: Output): Signal {
    for (const statement of body) {
      const signal = this.#runOne(statement, scope, out);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  #runOne(node: Statement, scope: Scope, out: Output): Signal {
    this.#budget.step();
    this.#line = node.line;
    switch (node.type) {
      case 'data':
        return this.#write(out, node.text);
      case 'print':
        return this.#print(out, this.#evaluate(node.value, scope));
      case 'if': {
        const branch = node.branches.find(([test]) => isTrue(this.#evaluate(test, scope)));
        return this.#run(branch ? branch[1] : node.otherwise, scope, out);
      }
      case 'for':
        return this.#for(node, this.#evaluate(node.over, scope), scope, out, 0);
      case 'break':
      case 'continue':
        return node.type;
      case 'set':
        return this.#assign(node.target, this.#evaluate(node.value, scope), scope);
      case 'setBlock': {
        const { text, signal } = this.#capture(node.body, new Scope(scope));
        if (signal !== undefined) return signal;
        const value = node.filter ? this.#evaluate(node.filter, scope, text) : text;
        return this.#assign(node.target, value, scope);
      }
      case 'filter': {
        const { text, signal } = this.#capture(node.body, new Scope(scope));
        return signal ?? this.#print(out, this.#evaluate(node.filter, scope, text));
      }
      case 'macro':
        return scope.set(node.name, this.#macro(node.macro, scope));
      case 'call': {
        const caller = this.#macro(node.macro, scope);
        return this.#print(out, this.#evaluate(node.call, scope, undefined, caller));
      }
      case 'with': {
        const inner = new Scope(scope);
        for (const [target, value] of node.values) {
          this.#assign(target, this.#evaluate(value, scope), inner);
        }
        return this.#run(node.body, inner, out);
      }
      case 'block':
        this.#run(node.body, new Scope(this.#root), out);
        return undefined;
      case 'generation': {
        const [open, close] = this.#marks;
        return this.#write(out, open + this.#capture(node.body, new Scope(scope)).text + close);
      }
    }
  }

  #assign(target: Target, value: Value, scope: Scope): undefined {
    if (target.type === 'name') return scope.set(target.name, value);
    if (target.type === 'field') {
      const holder = this.#lookUp(target.of, scope);
      if (!(holder instanceof Namespace)) {
        throw new TypeError(
          `cannot assign attribute on non-namespace object: '${target.of}' is ${kindOf(holder)}`,
        );
      }
      holder.fields.set(target.name, value);
      return;
    }
    const values = itemsOf(this.#budget, value);
    const { length } = target.targets;
    if (values.length !== length) {
      throw new RangeError(`it unpacks ${values.length} values to ${length} names`);
    }
    target.targets.forEach((each, i) => this.#assign(each, values[i]!, scope));
  }

  /** Runs a loop. The signal returned is that of its `else`, for the loop around. */
  #for(node: Loop, over: Value, scope: Scope, out: Output, depth: number): Signal {
    const { target, test, body } = node;
    const all = itemsOf(this.#budget, over);
    const passes = (item: Value): boolean => {
      const inner = new Scope(scope);
      this.#assign(target, item, inner);
      return isTrue(this.#evaluate(test!, inner));
    };
    const items = test ? all.filter(passes) : all;
    const again = ({ placed: [next = null] }: Args): Value => {
      const inner: Output = { text: '' };
      this.#deeper(() => this.#for(node, next, scope, inner, depth + 1));
      return inner.text;
    };
    const changes = { last: undefined };
    let completed = false;
    for (let i = 0; i < items.length; i++) {
      this.#budget.step();
      const inner = new Scope(scope);
      inner.set(
        'loop',
        loopOf(this.#budget, items, i, depth, changes, node.recursive ? again : undefined),
      );
      this.#assign(target, items[i]!, inner);
      const signal = this.#run(body, inner, out);
      if (signal === 'break') break;
      completed ||= signal === undefined;
    }
    // In Jinja `else` runs if no iteration ran to its end.
    return completed ? undefined : this.#run(node.otherwise, new Scope(scope), out);
  }

  #deeper<T>(run: () => T): T {
    if (++this.#depth > DEEPEST) throw new RangeError(`it calls itself more than ${DEEPEST} deep`);
    const result = run();
    this.#depth--;
    return result;
  }

  #macro({ name, parameters, defaults, body }: MacroBody, around: Scope): Native {
    const call = ({ placed, named }: Args): Value => {
      const scope = new Scope(around);
      const more = new Map(named);
      const caller = more.get('caller');
      if (!parameters.includes('caller')) {
        more.delete('caller');
        scope.set('caller', caller ?? new Undefined('No caller defined'));
      }
      const refuse = (what: string): never => {
        throw new TypeError(`macro '${name ?? 'caller'}' ${what}`);
      };
      parameters.forEach((parameter, i) => {
        const given = i < placed.length ? placed[i] : more.get(parameter);
        if (i < placed.length && more.has(parameter)) {
          refuse(`got multiple values for argument '${parameter}'`);
        }
        more.delete(parameter);
        const usual = defaults[i - parameters.length + defaults.length];
        const missing = (): Value =>
          usual
            ? this.#evaluate(usual, scope)
            : new Undefined(`parameter '${parameter}' was not provided`);
        scope.set(parameter, given === undefined ? missing() : given);
      });
      if (names(body, 'varargs')) scope.set('varargs', new Tuple(placed.slice(parameters.length)));
      else if (placed.length > parameters.length) {
        refuse(`takes not more than ${parameters.length} argument(s)`);
      }
      const [unknown] = more.keys();
      if (names(body, 'kwargs')) scope.set('kwargs', new Dict(more));
      else if (unknown !== undefined) refuse(`takes no keyword argument '${unknown}'`);
      return this.#deeper(() => this.#capture(body, scope).text);
    };
    return new Native('Macro', {
      call,
      fields: new Map<string, () => Value>([
        ['name', () => name ?? null],
        ['arguments', () => new Tuple(parameters)],
      ]),
      shown: () => `<Macro ${name === undefined ? 'anonymous' : `'${name}'`}>`,
    });
  }

  #lookUp(name: string, scope: Scope): Value {
    const value = scope.get(name);
    return value === undefined ? new Undefined(`'${name}' is undefined`) : value;
  }

  #arguments(args: Arguments, scope: Scope): Args {
    const placed = args.placed.map((each) => this.#evaluate(each, scope));
    const named = new Map<string, Value>();
    const add = (key: string, value: Value): void => {
      if (named.has(key)) throw new TypeError(`got multiple values for keyword argument '${key}'`);
      named.set(key, value);
    };
    for (const [key, value] of args.named) add(key, this.#evaluate(value, scope));
    if (args.more) placed.push(...itemsOf(this.#budget, this.#evaluate(args.more, scope)));
    if (args.moreNamed) {
      const more = this.#evaluate(args.moreNamed, scope);
      if (!(more instanceof Dict)) throw new TypeError('argument after ** must be a mapping');
      for (const [key, value] of more.entries()) add(pythonString(this.#budget, key), value);
    }
    return { placed, named };
  }

  /**
   * @param text - of the block that a filter is of
   * @param caller - the body of a call block
   */
  #evaluate(node: Expression, scope: Scope, text?: string, caller?: Native): Value {
    this.#budget.step();
    this.#line = node.line;
    const evaluate = (part: Expression): Value => this.#evaluate(part, scope);
    switch (node.type) {
      case 'constant':
        return node.value;
      case 'name':
        return this.#lookUp(node.name, scope);
      case 'list':
        return node.items.map(evaluate);
      case 'tuple':
        return new Tuple(node.items.map(evaluate));
      case 'dict':
        return new Dict(node.entries.map(([key, value]) => [evaluate(key), evaluate(value)]));
      case 'condition':
        if (isTrue(evaluate(node.test))) return evaluate(node.then);
        if (node.otherwise) return evaluate(node.otherwise);
        return new Undefined(
          'the inline if-expression evaluated to false and no else section was defined.',
        );
      case 'attribute': {
        const of = evaluate(node.of);
        this.#line = node.line;
        return this.#access.attribute(of, node.name);
      }
      case 'item': {
        const [of, index] = [evaluate(node.of), evaluate(node.index)];
        this.#line = node.line;
        return this.#access.item(of, index);
      }
      case 'slice': {
        const of = evaluate(node.of);
        const bounds = node.bounds.map((bound) => bound && evaluate(bound));
        this.#line = node.line;
        defined(of);
        try {
          return sliced(this.#budget, of, bounds);
        } catch (error) {
          // Jinja computes constants before it renders; there the error becomes an undefined value.
          if (!(error instanceof TypeError) || !isConstant(node)) throw error;
          return new Undefined(error.message);
        }
      }
      case 'call': {
        const callee = evaluate(node.callee);
        const args = this.#arguments(node.args, scope);
        this.#line = node.line;
        const call = callee instanceof Native ? callee.parts.call : undefined;
        if (call === undefined) {
          throw new TypeError(`'${kindOf(defined(callee))}' object is not callable`);
        }
        const named = caller ? new Map([...args.named, ['caller', caller]]) : args.named;
        return call({ ...args, named });
      }
      case 'filter': {
        const value = node.of ? this.#evaluate(node.of, scope, text) : text!;
        const args = this.#arguments(node.args, scope);
        this.#line = node.line;
        return this.#runtime.filter(node.name, value, args);
      }
      case 'test': {
        const value = evaluate(node.of);
        const args = this.#arguments(node.args, scope);
        this.#line = node.line;
        return this.#runtime.test(node.name, value, args);
      }
      case 'unary': {
        const value = evaluate(node.of);
        return node.operator === 'not' ? !isTrue(value) : signed(node.operator, value);
      }
      case 'binary': {
        const left = evaluate(node.left);
        if (node.operator === 'and') return isTrue(left) ? evaluate(node.right) : left;
        if (node.operator === 'or') return isTrue(left) ? left : evaluate(node.right);
        const right = evaluate(node.right);
        this.#line = node.line;
        return binary(this.#budget, node.operator, left, right);
      }
      case 'concat': {
        const parts = node.parts.map((part) => pythonString(this.#budget, evaluate(part)));
        this.#budget.write(parts.reduce((sum, part) => sum + part.length, 0));
        return parts.join('');
      }
      case 'compare': {
        let left = evaluate(node.first);
        for (const [operator, next] of node.rest) {
          const right = evaluate(next);
          if (!compare(this.#budget, operator, left, right)) return false;
          left = right;
        }
        return true;
      }
    }
  }
}

/** Tests of whether a value is the name of a filter or a test. */
const isNameTest = (name: string): name is 'filter' | 'test' =>
  name === 'filter' || name === 'test';

export const isKnown: IsKnown = (kind, name) =>
  kind === 'filter' ? FILTERS.has(name) : TESTS.has(name) || isNameTest(name);

const isConstant = (part: Expression): boolean =>
  !some(part, ({ type }) => type === 'name' || type === 'call');

const named = new WeakMap<readonly Statement[], ReadonlySet<string>>();

/** Whether a macro's text uses a name. */
function names(body: Body, name: string): boolean {
  const known = named.get(body);
  if (known) return known.has(name);
  const found = new Set<string>();
  some(body, (node) => {
    if (node.type === 'name' && typeof node.name === 'string') found.add(node.name);
    return false;
  });
  named.set(body, found);
  return found.has(name);
}
