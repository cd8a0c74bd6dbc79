const meanings: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EACCES: 'no permission; choose another folder',
  EPERM: 'no permission; choose another folder',
  EROFS: 'the disk is read-only; choose another folder',
  ENOENT: 'nothing can be made there; choose another folder',
  EEXIST: 'a part of the path is a file; choose another folder',
  ENOTDIR: 'a part of the path is a file; choose another folder',
};

/**
 * A file system's error in plain words, with what mends it.
 *
 * @returns its code and its meaning; `undefined` for an error of another kind
 *
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs';
 * import { diskErrorMeaning } from '@cfrl/engine/node';
 * try {
 *   writeFileSync('/dev/null/file', '');
 * } catch (error) {
 *   diskErrorMeaning(error); // => 'ENOTDIR: a part of the path is a file; choose another folder'
 * }
 * ```
 */
export function diskErrorMeaning(error: unknown): string | undefined {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return undefined;
  return `${code}: ${meanings[code] ?? message}`;
}
