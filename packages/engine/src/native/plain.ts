import { cacheFolder } from '../files/cache-folder.js';

/** Errors of the file system in words. */
export function plain(error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const where = cacheFolder();
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new Error(`no space is left in ${where}; set CFRL_CACHE to another folder`);
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOTDIR') {
    return new Error(`${where} cannot be written; set CFRL_CACHE to a folder that can`);
  }
  return new Error(String(message).split('\n', 1)[0]!);
}
