import { GENERATION, TemplateInterpreter, prepareProgram } from './interpreter.js';
import { Environment, type Program, parse, tokenize } from './jinja.js';

/** A template that was read. */
export interface Template {
  readonly program: Program;
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
const TAG = /\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}/g;

/** Runs of spaces that the library's search for tags, whose time is their square, can take. */
const SPACES = /\s{10000}/;

/**
 * Reads a template. The library drops `{% generation %}`; here it becomes a call block, which is what it is in Python.
 *
 * @throws SyntaxError or other errors of the library if it is none
 */
export function readTemplate(source: string): Template {
  if (source.length > LONGEST || SPACES.test(source)) {
    throw new RangeError(`it is longer than ${LONGEST} characters, or has 10000 spaces in a row`);
  }
  let generates = false;
  const marked = source.replace(
    TAG,
    (_, before: string, end: string | undefined, after: string) => {
      generates = true;
      return end ? `{%${before} endcall ${after}%}` : `{%${before} call ${GENERATION}() ${after}%}`;
    },
  );
  return { program: prepareProgram(readProgram(marked)), generates };
}

function readProgram(source: string): Program {
  const tokens = tokenize(source, { lstrip_blocks: true, trim_blocks: true });
  try {
    return parse(tokens);
  } catch (error) {
    // The library reads on behind the last token.
    if (error instanceof TypeError) throw new SyntaxError('it ends too early', { cause: error });
    throw error;
  }
}

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** Python's `strftime`, in English and local time, for what templates ask. */
function formatDate(date: Date, format: string): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const [month, day] = [MONTHS[date.getMonth()]!, DAYS[date.getDay()]!];
  const parts: Readonly<Record<string, string>> = {
    ...{
      Y: String(date.getFullYear()),
      y: two(date.getFullYear() % 100),
      m: two(date.getMonth() + 1),
    },
    ...{ d: two(date.getDate()), B: month, b: month.slice(0, 3), A: day, a: day.slice(0, 3) },
    ...{ H: two(date.getHours()), M: two(date.getMinutes()), S: two(date.getSeconds()), '%': '%' },
  };
  return format.replace(/%(.)/gs, (_, letter: string) => {
    const part = Object.hasOwn(parts, letter) ? parts[letter] : undefined;
    if (part === undefined) throw new RangeError(`it asks for %${letter} of the date`);
    return part;
  });
}

/** Python's `range`, of at most as many numbers as Jinja's sandbox allows. */
function range(...limits: unknown[]): number[] {
  const numbers = limits.map(Number);
  const [start, stop, step = 1] =
    numbers.length === 1 ? [0, numbers[0]!] : (numbers as [number, number, number?]);
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (numbers.length === 0 || !numbers.every(Number.isInteger) || step === 0 || count > 100_000) {
    throw new RangeError(`it asks for a range of ${limits.map(String).join(', ')}`);
  }
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** An error that a template raises by itself. */
export class TemplateRefusal extends Error {}

/**
 * Renders a template.
 *
 * @param marks - written before and after what the assistant generates
 */
export function renderTemplate(
  { program }: Template,
  { variables, date }: TemplateOptions,
  marks: readonly [string, string] = ['', ''],
): string {
  const environment = new Environment();
  const globals: Readonly<Record<string, unknown>> = {
    ...{ true: true, false: false, none: null, True: true, False: false, None: null },
    range,
    raise_exception: (message: unknown) => {
      throw new TemplateRefusal(String(message));
    },
    strftime_now: (format: unknown) => {
      if (date === undefined) throw new RangeError('it asks for the date; pass `date`');
      return formatDate(date, String(format));
    },
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  const scope = new Environment(environment);
  for (const [name, value] of Object.entries(variables)) scope.set(name, value);
  return new TemplateInterpreter(marks).evaluate(program, scope).value as string;
}
