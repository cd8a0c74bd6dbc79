import { readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import { download, makeFolder, withLock } from '@cfrl/engine/node';

import { remoteFile } from './api.js';
import type { HubOptions, HubSettings } from './settings.js';

/** The folder of one model in the cache: `blobs`, `refs` and `snapshots`, as `huggingface_hub` has them. */
export interface ModelCache {
  readonly id: string;
  readonly folder: string;
  readonly settings: HubSettings;
}

export const modelCache = (id: string, settings: HubSettings): ModelCache => ({
  id,
  folder: join(settings.cache, `models--${id.replace('/', '--')}`),
  settings,
});

/** Whether a path leads to something; a link to nothing does not. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

export const snapshotOf = ({ folder }: ModelCache, commit: string): string =>
  join(folder, 'snapshots', commit);

/** The commit of a revision, as it was when it was last asked for. */
export async function cachedCommit(
  { folder }: ModelCache,
  revision: string,
): Promise<string | undefined> {
  if (/^[0-9a-f]{40}$/.test(revision)) return revision;
  const text = await readFile(join(folder, 'refs', revision), 'utf8').catch(() => '');
  return /^[0-9a-f]{40}$/.test(text.trim()) ? text.trim() : undefined;
}

export async function noteCommit(
  { folder }: ModelCache,
  revision: string,
  commit: string,
): Promise<void> {
  if (revision === commit) return;
  const path = join(folder, 'refs', revision);
  makeFolder(dirname(path));
  await writeFile(path, commit);
}

/** What a download has to come out as, by the form of its name. */
const digestOf = (etag: string) =>
  /^[0-9a-f]{64}$/.test(etag)
    ? { sha256: etag }
    : /^[0-9a-f]{40}$/.test(etag)
      ? { gitBlob: etag }
      : {};

async function fetchFile(
  { id, folder, settings }: ModelCache,
  commit: string,
  file: string,
  onProgress: HubOptions['onProgress'],
): Promise<void> {
  const { url, etag } = await remoteFile(id, commit, file, settings);
  const blob = join(folder, 'blobs', etag);
  const link = join(folder, 'snapshots', commit, file);
  makeFolder(dirname(blob));
  makeFolder(dirname(link));
  if (!(await exists(blob))) {
    const message = `downloading ${file} of ${id}`;
    await download(url, blob, {
      ...digestOf(etag),
      headers: settings.headers,
      onBytes: (bytes, totalBytes) =>
        onProgress?.({
          phase: 'download',
          message,
          bytes,
          ...(totalBytes !== undefined && { totalBytes }),
        }),
    });
  }
  await rm(link, { force: true }); // one that leads to nothing
  await symlink(relative(dirname(link), blob), link);
}

/**
 * Puts the files of a commit that are not there yet into the cache. A download that broke off is
 * continued, by another process as well; two processes do not download at once.
 */
export async function fetchFiles(
  cache: ModelCache,
  commit: string,
  files: readonly string[],
  onProgress: HubOptions['onProgress'],
): Promise<void> {
  const missing = async (): Promise<string[]> => {
    const there = await Promise.all(
      files.map((file) => exists(join(snapshotOf(cache, commit), file))),
    );
    return files.filter((_, i) => !there[i]);
  };
  if ((await missing()).length === 0) return;
  const locks = join(cache.settings.cache, '.locks', `models--${cache.id.replace('/', '--')}`);
  makeFolder(locks);
  await withLock(
    locks,
    () => undefined,
    async () => {
      for (const file of await missing()) await fetchFile(cache, commit, file, onProgress);
    },
  );
}
