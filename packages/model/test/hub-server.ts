/**
 * A hub for tests: the part of huggingface.co's HTTP interface that downloads use. Small files are
 * answered at once, with the name that Git gives them as ETag; large ones (LFS) lead to a second host,
 * which refuses tokens as the real one does, and answers ranges.
 */
import { createHash } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A repository at one commit. */
export interface HubRepository {
  readonly commit: string;
  readonly files: Readonly<Record<string, Buffer>>;
  /** Who may read it; everybody where it is absent. */
  readonly token?: string;
  /** Whether its conditions were not accepted. */
  readonly gated?: boolean;
  /** Where it has moved to. */
  readonly movedTo?: string;
}

/** A running hub. */
export interface TestHub {
  readonly url: string;
  /** Method, path and range of each request so far. */
  readonly requests: string[];
  /** Bytes after which the data host cuts its connections, one after the other. */
  readonly cuts: number[];
  readonly close: () => Promise<void>;
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
export const gitBlob = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

const isLarge = (name: string): boolean => /\.(safetensors|gguf|bin)$/.test(name);

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const stop = async (server: Server): Promise<void> => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
};

/** Starts a hub with some repositories, by their ids. */
export async function startHub(
  repositories: Readonly<Record<string, HubRepository>>,
): Promise<TestHub> {
  const [requests, cuts]: [string[], number[]] = [[], []];
  const blobs = new Map(
    Object.values(repositories).flatMap(({ files }) =>
      Object.values(files).map((bytes) => [sha256(bytes), bytes] as const),
    ),
  );
  const note = ({ method, url, headers: { range } }: IncomingMessage): void =>
    void requests.push([method, url, range].filter((part) => part !== undefined).join(' '));

  const data = createServer((request, response) => {
    note(request);
    if (request.headers.authorization !== undefined) return void response.writeHead(400).end();
    const bytes = blobs.get(request.url!.slice(1))!;
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = bytes.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': rest.length,
      'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      etag: '"another-host"',
    });
    const cut = cuts.shift();
    if (cut === undefined) return void response.end(rest);
    response.write(rest.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
  });
  const dataUrl = await listen(data);

  const refuse = (response: ServerResponse, status: number, code: string, message: string): void =>
    void response.writeHead(status, { 'x-error-code': code, 'x-error-message': message }).end();

  function answer(request: IncomingMessage, response: ServerResponse): void {
    note(request);
    const path = decodeURIComponent(request.url!.split('?', 1)[0]!);
    const [, id = '', kind, revision = '', file] =
      /^\/(?:api\/models\/)?([^/]+\/[^/]+)\/(revision|resolve)\/(.*?)(?:\/((?:additional_chat_templates\/)?[^/]*))?$/.exec(
        path,
      ) ?? [];
    const found = repositories[id];
    if (found === undefined) return refuse(response, 404, 'RepoNotFound', 'Repository not found');
    const { commit, files, token, gated, movedTo } = found;
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return refuse(response, 401, 'RepoNotFound', 'Invalid username or password.');
    }
    if (gated === true) return refuse(response, 403, 'GatedRepo', 'Access is restricted.');
    if (movedTo !== undefined) {
      const location = request.url!.replace(id, movedTo);
      return void response.writeHead(307, { location }).end();
    }
    const asked = kind === 'revision' && file !== undefined ? `${revision}/${file}` : revision;
    if (asked !== 'main' && asked !== 'refs/pr/1' && asked !== commit) {
      return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${asked}`);
    }
    if (kind === 'revision') {
      const siblings = Object.keys(files).map((rfilename) => ({ rfilename }));
      const body = JSON.stringify({ id, modelId: id, sha: commit, private: false, siblings });
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    }
    const bytes = files[file!];
    if (bytes === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    if (isLarge(file!)) {
      return void response
        .writeHead(302, {
          location: `${dataUrl}/${sha256(bytes)}`,
          'x-repo-commit': commit,
          'x-linked-etag': `"${sha256(bytes)}"`,
          'x-linked-size': bytes.length,
        })
        .end();
    }
    response.writeHead(200, {
      'content-length': bytes.length,
      'x-repo-commit': commit,
      etag: `W/"${gitBlob(bytes)}"`,
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }
  const hub = createServer(answer);
  const url = await listen(hub);
  return {
    url,
    requests,
    cuts,
    close: async () => {
      await Promise.all([stop(hub), stop(data)]);
    },
  };
}
