import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { foundInstead } from '../tensor-files/found-instead.js';
import { reading } from '../tensor-files/reading.js';

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** A file's text without a byte order mark, or nothing if it is not there. */
export async function readText(
  where: string,
  folder: string,
  name: string,
): Promise<string | undefined> {
  const path = join(folder, name);
  const bytes = await reading(where, path, () => readFile(path), { value: undefined });
  return bytes && new TextDecoder().decode(bytes);
}

/** JSON as Python writes it: `NaN`, `Infinity` and `-Infinity` are numbers there. */
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

function notJson(text: string, error: unknown): string {
  const start = new TextEncoder().encode(text.slice(0, 64));
  if (text.startsWith('\ufffd\ufffd'))
    return 'the file is UTF-16, expected UTF-8; save it as UTF-8';
  if (text.startsWith('{')) {
    const { message } = error as Error;
    return text.trimEnd().endsWith('}') ? message : 'the file ends too early; download it again';
  }
  return foundInstead(start) ?? (error as Error).message;
}

/**
 * A parsed JSON object of a folder, or nothing if the file is not there.
 *
 * @throws RangeError that names function, file and folder, if it is something else
 */
export async function readJson(
  where: string,
  folder: string,
  name: string,
): Promise<Record<string, unknown> | undefined> {
  const text = await readText(where, folder, name);
  if (text === undefined) return undefined;
  const file = `${where}: ${name} in '${folder}'`;
  let json: unknown;
  try {
    json = parsePythonJson(text);
  } catch (cause) {
    throw new RangeError(`${file} is not JSON, expected a JSON object: ${notJson(text, cause)}`, {
      cause,
    });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new RangeError(`${file} is ${JSON.stringify(json).slice(0, 40)}, expected a JSON object`);
  }
  return json as Record<string, unknown>;
}

/** The names in a folder; none if it is not there. */
export const namesIn = (where: string, folder: string): Promise<string[]> =>
  reading(where, folder, () => readdir(folder), { value: [] });
