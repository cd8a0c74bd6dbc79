import { accessOf } from './access.js';
import type { Runtime } from './call.js';
import { FILTERS } from './filters.js';
import { globalsOf, loopOf } from './globals.js';
import { isTrue, itemsOf } from './items.js';
import { TemplateError } from './lexer.js';
import { binary, compare, signed, sliced } from './operators.js';
import type { Arguments, Body, Expression, Loop, MacroBody, Statement, Target } from './ast.js';
import { pythonString } from './python.js';
import { Scope } from './scope.js';
import { TESTS } from './tests.js';
import {
  type Args,
  Budget,
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

/** Text that is being written. */
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
      // Filters and tests that look at names of each other.
      if (isNameTest(name)) hashOf(value);
      if (name === 'filter') return typeof value === 'string' && FILTERS.has(value);
      if (name === 'test')
        return typeof value === 'string' && (TESTS.has(value) || isNameTest(value));
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
      return this.#render(body, this.#root);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new TemplateError(this.#line, error.message, { cause: error });
    }
  }

  #render(body: Body, scope: Scope): string {
    const out: Output = { text: '' };
    this.#run(body, scope, out);
    return out.text;
  }

  #write(out: Output, text: string): void {
    this.#budget.write(text.length);
    out.text += text;
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
        this.#write(out, node.text);
        return undefined;
      case 'print':
        this.#write(out, pythonString(this.#budget, this.#evaluate(node.value, scope)));
        return undefined;
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
        this.#assign(node.target, this.#evaluate(node.value, scope), scope);
        return undefined;
      case 'setBlock': {
        const inner: Output = { text: '' };
        const signal = this.#run(node.body, new Scope(scope), inner);
        if (signal !== undefined) return signal;
        const value = node.filter ? this.#evaluate(node.filter, scope, inner.text) : inner.text;
        this.#assign(node.target, value, scope);
        return undefined;
      }
      case 'macro':
        scope.set(node.name, this.#macro(node.macro, scope));
        return undefined;
      case 'call': {
        const caller = this.#macro(node.macro, scope);
        const value = this.#evaluate(node.call, scope, undefined, caller);
        this.#write(out, pythonString(this.#budget, value));
        return undefined;
      }
      case 'filter': {
        const inner: Output = { text: '' };
        const signal = this.#run(node.body, new Scope(scope), inner);
        if (signal !== undefined) return signal;
        const value = this.#evaluate(node.filter, scope, inner.text);
        this.#write(out, pythonString(this.#budget, value));
        return undefined;
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
        const text = this.#render(node.body, new Scope(scope));
        this.#write(out, this.#marks[0] + text + this.#marks[1]);
        return undefined;
      }
    }
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.type === 'name') scope.set(target.name, value);
    else if (target.type === 'field') {
      const holder = this.#lookUp(target.of, scope);
      if (!(holder instanceof Namespace)) {
        throw new TypeError(
          `cannot assign attribute on non-namespace object: '${target.of}' is ${kindOf(holder)}`,
        );
      }
      holder.fields.set(target.name, value);
    } else {
      const values = itemsOf(this.#budget, value);
      if (values.length !== target.targets.length) {
        throw new RangeError(
          `it unpacks ${values.length} values to ${target.targets.length} names`,
        );
      }
      target.targets.forEach((each, i) => this.#assign(each, values[i]!, scope));
    }
  }

  /** Loops, and returns the signal of its `else`, which is of the loop around. */
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
    // Jinja's `else` is for loops of which no turn came to its end.
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
      const firstDefault = parameters.length - defaults.length;
      parameters.forEach((parameter, i) => {
        const value = i < placed.length ? placed[i] : more.get(parameter);
        if (i < placed.length && more.has(parameter)) {
          throw new TypeError(
            `macro '${name ?? 'caller'}' got multiple values for argument '${parameter}'`,
          );
        }
        more.delete(parameter);
        const usual = defaults[i - firstDefault];
        const missing = (): Value =>
          usual
            ? this.#evaluate(usual, scope)
            : new Undefined(`parameter '${parameter}' was not provided`);
        scope.set(parameter, value === undefined ? missing() : value);
      });
      const [takesMore, takesNamed] = ['varargs', 'kwargs'].map((each) => names(body, each));
      if (placed.length > parameters.length && !takesMore) {
        throw new TypeError(
          `macro '${name ?? 'caller'}' takes not more than ${parameters.length} argument(s)`,
        );
      }
      const [unknown] = more.keys();
      if (unknown !== undefined && !takesNamed) {
        throw new TypeError(`macro '${name ?? 'caller'}' takes no keyword argument '${unknown}'`);
      }
      if (takesMore) scope.set('varargs', new Tuple(placed.slice(parameters.length)));
      if (takesNamed) scope.set('kwargs', new Dict(more));
      return this.#deeper(() => this.#render(body, scope));
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
      case 'attribute':
        return this.#at(node, [evaluate(node.of)], ([of]) =>
          this.#access.attribute(of!, node.name),
        );
      case 'item':
        return this.#at(node, [node.of, node.index].map(evaluate), ([of, index]) =>
          this.#access.item(of!, index!),
        );
      case 'slice': {
        const of = evaluate(node.of);
        const bounds = node.bounds.map((bound) => bound && evaluate(bound));
        return this.#at(node, [of], () => {
          defined(of);
          try {
            return sliced(this.#budget, of, bounds);
          } catch (error) {
            // Jinja computes constants before it renders, where what has no such part is undefined.
            if (!(error instanceof TypeError) || !isConstant(node)) throw error;
            return new Undefined(error.message);
          }
        });
      }
      case 'call': {
        const callee = evaluate(node.callee);
        const args = this.#arguments(node.args, scope);
        this.#line = node.line;
        const call = callee instanceof Native ? callee.parts.call : undefined;
        if (call === undefined) {
          throw new TypeError(
            callee instanceof Undefined
              ? callee.message
              : `'${kindOf(callee)}' object is not callable`,
          );
        }
        return call(
          caller ? { ...args, named: new Map([...args.named, ['caller', caller]]) } : args,
        );
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
        return this.#at(node, [left, evaluate(node.right)], ([a, b]) =>
          binary(this.#budget, node.operator, a!, b!),
        );
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

  /** Computes with values that are known, at the line of their expression. */
  #at(
    node: Expression,
    values: readonly Value[],
    compute: (values: readonly Value[]) => Value,
  ): Value {
    this.#line = node.line;
    return compute(values);
  }
}

const isNameTest = (name: string): boolean => name === 'filter' || name === 'test';

/** Names that templates may use. */
export const KNOWN = {
  filters: FILTERS,
  tests: { has: (name: string): boolean => TESTS.has(name) || isNameTest(name) },
};

/** Whether an expression looks at no variable. */
function isConstant(part: unknown): boolean {
  if (Array.isArray(part)) return part.every(isConstant);
  if (typeof part !== 'object' || part === null) return true;
  const { type } = part as { readonly type?: unknown };
  return type !== 'name' && type !== 'call' && Object.values(part).every(isConstant);
}

const named = new WeakMap<readonly Statement[], ReadonlySet<string>>();

/** Whether a macro's text uses a name. */
function names(body: Body, name: string): boolean {
  const known = named.get(body);
  if (known) return known.has(name);
  const found = new Set<string>();
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(visit);
    else if (typeof part === 'object' && part !== null) {
      const node = part as { readonly type?: unknown; readonly name?: unknown };
      if (node.type === 'name' && typeof node.name === 'string') found.add(node.name);
      Object.values(part).forEach(visit);
    }
  };
  visit(body);
  named.set(body, found);
  return found.has(name);
}
