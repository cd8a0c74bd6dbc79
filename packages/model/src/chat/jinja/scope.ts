import type { Value } from './values.js';

/** Variables, and those of the scope around. */
export class Scope {
  readonly #variables = new Map<string, Value>();

  readonly around: Scope | undefined;

  constructor(around?: Scope) {
    this.around = around;
  }

  get(name: string): Value | undefined {
    const own = this.#variables.get(name);
    return own === undefined ? this.around?.get(name) : own;
  }

  set(name: string, value: Value): undefined {
    this.#variables.set(name, value);
  }
}
