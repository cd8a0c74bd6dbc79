import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

import loadWabt from 'wabt';

/** The bytes of a WebAssembly module in its text format, as an expression in base64 that is no wider than a page. */
export async function watToBase64(
  source: URL,
  edit: (text: string) => string = (text) => text,
): Promise<string> {
  const wabt = await loadWabt();
  const name = basename(fileURLToPath(source));
  const text = edit(await readFile(source, 'utf8'));
  const features = { simd: true, multi_value: true, threads: true };
  const { buffer } = wabt.parseWat(name, text, features).toBinary({});
  const lines = Buffer.from(buffer)
    .toString('base64')
    .match(/.{1,90}/g)!;
  return lines.map((line) => `'${line}'`).join(' +\n  ');
}
