import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** A file's text, or nothing if it is not there. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * JSON as Python writes it: `NaN`, `Infinity` and `-Infinity` are numbers there.
 *
 * @throws SyntaxError if it is not even that
 */
export function parsePythonJson(text: string): unknown {
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

/** A parsed JSON object of a folder, or nothing if the file is not there. */
export async function readJson(
  folder: string,
  name: string,
): Promise<Record<string, unknown> | undefined> {
  const text = await readText(join(folder, name));
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = parsePythonJson(text);
  } catch (cause) {
    throw new RangeError(
      `loadPretrained: ${name} in '${folder}' is not JSON, expected a JSON object`,
      { cause },
    );
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new RangeError(
      `loadPretrained: ${name} in '${folder}' is ${JSON.stringify(json).slice(0, 40)}, expected a JSON object`,
    );
  }
  return json as Record<string, unknown>;
}

/** The names in a folder; none if it is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
