import { Interpreter, KNOWN } from './jinja/interpreter.js';
import { type Body, some } from './jinja/ast.js';
import { parseTemplate } from './jinja/parser.js';
import { valueOf } from './jinja/values.js';

/** A template that was read. */
export interface Template {
  readonly body: Body;
  /** Whether it marks what the assistant generates. */
  readonly generates: boolean;
}

/** What a template is given besides variables. */
export interface TemplateOptions {
  readonly variables: Readonly<Record<string, unknown>>;
  /** What `strftime_now` tells. */
  readonly date?: Date | undefined;
}

const LONGEST = 2 ** 20;

/** @throws TemplateError with the line of what is wrong */
export function readTemplate(source: string): Template {
  if (source.length > LONGEST) throw new RangeError(`it is longer than ${LONGEST} characters`);
  const body = parseTemplate(source, KNOWN);
  return { body, generates: some(body, ({ type }) => type === 'generation') };
}

/**
 * Renders a template.
 *
 * @param marks - written before and after what the assistant generates
 * @throws TemplateError with the line of what fails
 */
export function renderTemplate(
  { body }: Template,
  { variables, date }: TemplateOptions,
  marks: readonly [string, string] = ['', ''],
): string {
  const given = Object.entries(variables)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, valueOf(value)] as const);
  return new Interpreter(new Map(given), date, marks).render(body);
}
