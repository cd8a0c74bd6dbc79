import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** A value as the text of a JSON file. */
export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** What is read, or `otherwise` where the file or folder is not there. */
export async function orIfMissing<T>(reading: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise;
    throw error;
  }
}

/** A file's text, or nothing if it is not there. */
export const readText = (folder: string, name: string): Promise<string | undefined> =>
  orIfMissing<string | undefined>(readFile(join(folder, name), 'utf8'), undefined);

/** The names in a folder; none if it is not there. */
export const namesIn = (folder: string): Promise<string[]> => orIfMissing(readdir(folder), []);

/**
 * JSON as Python writes it: `NaN`, `Infinity` and `-Infinity` are numbers there.
 *
 * @throws SyntaxError if it is not even that
 */
function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Texts are passed over; what is left of these words outside of them are numbers.
    const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/gs, (found) =>
      found.startsWith('"') ? found : `{"python number": "${found}"}`,
    );
    if (marked === text) throw error;
    return JSON.parse(marked, (_, value: unknown) =>
      typeof value === 'object' && value !== null && 'python number' in value
        ? Number(value['python number'])
        : value,
    );
  }
}

/**
 * Parses what Python wrote.
 *
 * @param problem - the beginning of the message if it is no JSON
 */
export function parseJson(text: string, problem: string, expected = 'a JSON object'): unknown {
  try {
    return parsePythonJson(text);
  } catch (cause) {
    throw new RangeError(`${problem} is not JSON, expected ${expected}`, { cause });
  }
}

/** A parsed JSON object of a folder, or nothing if the file is not there. */
export async function readJson(
  folder: string,
  name: string,
): Promise<Record<string, unknown> | undefined> {
  const text = await readText(folder, name);
  if (text === undefined) return undefined;
  const where = `loadPretrained: ${name} in '${folder}'`;
  const json = parseJson(text, where);
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new RangeError(`${where} is ${JSON.stringify(json).slice(0, 40)}, expected a JSON object`);
}
