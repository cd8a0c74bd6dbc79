/** What a template is read into. */
import type { Value } from './values.js';

/** A part of a template, and the line that it begins in. */
type Node<Type extends string, Fields = object> = {
  readonly type: Type;
  readonly line: number;
} & Readonly<Fields>;

/** An argument list: `f(a, *b, c=d, **e)`. */
export interface Arguments {
  readonly placed: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  readonly more: Expression | undefined;
  readonly moreNamed: Expression | undefined;
}

export type Expression =
  | Node<'constant', { value: Value }>
  | Node<'name', { name: string }>
  | Node<'list' | 'tuple', { items: readonly Expression[] }>
  | Node<'dict', { entries: readonly (readonly [Expression, Expression])[] }>
  | Node<'attribute', { of: Expression; name: string }>
  | Node<'item', { of: Expression; index: Expression }>
  | Node<'slice', { of: Expression; bounds: readonly (Expression | undefined)[] }>
  | Node<'call', { callee: Expression; args: Arguments }>
  /** `of` is undefined for a filter of a block, which is applied to its text. */
  | Node<'filter', { of: Expression | undefined; name: string; args: Arguments }>
  | Node<'test', { of: Expression; name: string; args: Arguments }>
  | Node<'unary', { operator: '-' | '+' | 'not'; of: Expression }>
  | Node<'binary', { operator: string; left: Expression; right: Expression }>
  | Node<'concat', { parts: readonly Expression[] }>
  | Node<'compare', { first: Expression; rest: readonly (readonly [string, Expression])[] }>
  | Node<'condition', { test: Expression; then: Expression; otherwise: Expression | undefined }>;

/** What a value is assigned to: a variable, a field of a namespace, or several targets. */
export type Target =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'field'; readonly of: string; readonly name: string }
  | { readonly type: 'targets'; readonly targets: readonly Target[] };

export type Body = readonly Statement[];

/** The parameters and the text of a macro or a call block. */
export interface MacroBody {
  /** A call block has none. */
  readonly name: string | undefined;
  readonly parameters: readonly string[];
  /** Of the last parameters. */
  readonly defaults: readonly Expression[];
  readonly body: Body;
}

export type Loop = Node<
  'for',
  {
    target: Target;
    over: Expression;
    test: Expression | undefined;
    recursive: boolean;
    body: Body;
    otherwise: Body;
  }
>;

export type Statement =
  | Node<'data', { text: string }>
  | Node<'print', { value: Expression }>
  | Node<'if', { branches: readonly (readonly [Expression, Body])[]; otherwise: Body }>
  | Loop
  | Node<'break' | 'continue'>
  | Node<'set', { target: Target; value: Expression }>
  | Node<'setBlock', { target: Target; filter: Expression | undefined; body: Body }>
  | Node<'macro', { name: string; macro: MacroBody }>
  | Node<'call', { call: Expression; macro: MacroBody }>
  | Node<'filter', { filter: Expression; body: Body }>
  | Node<'with', { values: readonly (readonly [Target, Expression])[]; body: Body }>
  | Node<'block', { name: string; body: Body }>
  | Node<'generation', { body: Body }>;

/** Whether something holds of a part, or of a part of it. */
export function some(
  part: unknown,
  holds: (node: { readonly type?: unknown; readonly name?: unknown }) => boolean,
): boolean {
  if (Array.isArray(part)) return part.some((each) => some(each, holds));
  if (typeof part !== 'object' || part === null) return false;
  return holds(part) || Object.values(part).some((each) => some(each, holds));
}
