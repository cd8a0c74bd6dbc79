import type { HubSettings } from './settings.js';

/** A model at one commit. */
export interface Repository {
  readonly commit: string;
  readonly files: readonly string[];
}

/** Silence after which the hub counts as out of reach, ms. */
const TIMEOUT = 30_000;
const MAX_REDIRECTS = 5;

const hint = (id: string, { endpoint, headers }: HubSettings): string =>
  headers['authorization'] === undefined
    ? `check the name, or give a token (HF_TOKEN, or { token }) that may read ${endpoint}/${id}`
    : `check the name, and that the token may read ${endpoint}/${id}`;

function refusal(response: Response, what: string, id: string, settings: HubSettings): Error {
  const code = response.headers.get('x-error-code');
  const told = response.headers.get('x-error-message') ?? code;
  const means =
    code === 'GatedRepo'
      ? `its conditions have to be accepted at ${settings.endpoint}/${id}, and the token has to be given`
      : code === 'RevisionNotFound'
        ? 'there is no such revision'
        : [401, 403, 404].includes(response.status)
          ? hint(id, settings)
          : 'try again later';
  return new Error(
    `loadPretrained: the hub answered ${response.status} for ${what}${told === null ? '' : ` (${told})`}; ${means}`,
  );
}

async function ask(url: string, init: RequestInit, settings: HubSettings): Promise<Response> {
  try {
    return await fetch(url, {
      ...init,
      headers: { ...settings.headers, 'accept-encoding': 'identity' },
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch (cause) {
    throw new Error(
      `loadPretrained: ${settings.endpoint} cannot be reached; { localFilesOnly: true } or HF_HUB_OFFLINE=1 takes what is in the cache`,
      { cause },
    );
  }
}

/** Asks for a model's commit and files. */
export async function repository(
  id: string,
  revision: string,
  settings: HubSettings,
): Promise<Repository> {
  const url = `${settings.endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}`;
  const response = await ask(url, {}, settings);
  if (!response.ok) throw refusal(response, `${id} at ${revision}`, id, settings);
  const { sha, siblings } = ((await response.json()) ?? {}) as Record<string, unknown>;
  const names = Array.isArray(siblings)
    ? siblings.map((each) => (each as { rfilename?: unknown } | null)?.rfilename)
    : [undefined];
  if (typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha) || !names.every(isText)) {
    throw new Error(
      `loadPretrained: ${url} answered without sha and siblings, expected a model of a hub`,
    );
  }
  return { commit: sha, files: names };
}

const isText = (value: unknown): value is string => typeof value === 'string';

const pathOf = (file: string): string => file.split('/').map(encodeURIComponent).join('/');

/**
 * Asks where a file is and for its ETag, the name of its blob: SHA-256 of a large file, Git's SHA-1 of another. A renamed model
 * leads elsewhere on the hub; the way to a data host is not followed.
 */
export async function remoteFile(
  id: string,
  commit: string,
  file: string,
  settings: HubSettings,
): Promise<{ readonly url: string; readonly etag: string }> {
  let url = `${settings.endpoint}/${id}/resolve/${commit}/${pathOf(file)}`;
  for (let i = 0; i < MAX_REDIRECTS; i++) {
    const response = await ask(url, { method: 'HEAD', redirect: 'manual' }, settings);
    const { status, headers } = response;
    const location = headers.get('location');
    if (location?.startsWith('/') && status >= 300 && status < 400) {
      url = new URL(location, url).href;
      continue;
    }
    if (status >= 400) throw refusal(response, `${file} of ${id}`, id, settings);
    const tag = headers.get('x-linked-etag') ?? headers.get('etag');
    const etag = tag?.replace(/^W\//, '').replaceAll('"', '') ?? '';
    if (!/^[\w-]{1,128}$/.test(etag)) {
      throw new Error(`loadPretrained: ${url} has the ETag ${tag}, expected the name of a blob`);
    }
    return { url, etag };
  }
  throw new Error(`loadPretrained: ${file} of ${id} leads from place to place without an end`);
}
