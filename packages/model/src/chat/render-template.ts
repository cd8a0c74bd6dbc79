import { Interpreter, isKnown } from './jinja/interpreter.js';
import { type Body, some } from './jinja/ast.js';
import { parseTemplate } from './jinja/parser.js';
import { valueOf } from './jinja/values.js';

export interface Template {
  readonly body: Body;
  /** Whether it marks what the assistant generates. */
  readonly generates: boolean;
}

/** What is written before and after what the assistant generates. */
export type Marks = readonly [string, string];

const LONGEST = 2 ** 20;

/** @throws TemplateError with the line of what is wrong */
export function readTemplate(source: string): Template {
  if (source.length > LONGEST) throw new RangeError(`it is longer than ${LONGEST} characters`);
  const body = parseTemplate(source, isKnown);
  return { body, generates: some(body, ({ type }) => type === 'generation') };
}

/**
 * Renders a template.
 *
 * @param date - what `strftime_now` tells
 * @throws TemplateError with the line of what fails
 */
export function renderTemplate(
  { body }: Template,
  variables: Readonly<Record<string, unknown>>,
  date: Date | undefined,
  marks: Marks = ['', ''],
): string {
  const given = Object.entries(variables)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, valueOf(value)] as const);
  return new Interpreter(new Map(given), date, marks).render(body);
}
