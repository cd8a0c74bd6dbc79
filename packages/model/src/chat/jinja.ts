/**
 * The parts of `@huggingface/jinja` that are used. Its own types name files without their extensions, which modules of
 * Node.js do not resolve.
 */
import * as library from '@huggingface/jinja';

/** A value of a template. */
export interface RuntimeValue {
  readonly type: string;
  readonly value: unknown;
  readonly __bool__: () => { readonly value: boolean };
}

/** A part of a template. */
export interface Statement {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Program extends Statement {
  readonly body: Statement[];
}

/** Variables, and those of the scope around. */
export interface Environment {
  /** Declares a variable, with a value of JavaScript. */
  readonly set: (name: string, value: unknown) => RuntimeValue;
  readonly setVariable: (name: string, value: RuntimeValue) => RuntimeValue;
}

interface InterpreterMethods {
  evaluate(statement: Statement | undefined, environment: Environment): RuntimeValue;
}

interface Library {
  readonly Environment: new (parent?: Environment) => Environment;
  readonly Interpreter: new () => InterpreterMethods;
  readonly tokenize: (
    source: string,
    options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean },
  ) => object[];
  readonly parse: (tokens: object[]) => Program;
}

export const { Environment, Interpreter, tokenize, parse } = library as unknown as Library;
