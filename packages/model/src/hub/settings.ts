import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Options of a download from the hub; the defaults are those of Python's `huggingface_hub`. */
export interface HubOptions {
  /** Branch, tag or commit. @defaultValue 'main' */
  readonly revision?: string;
  /** The one file to load, a `.gguf` of several. */
  readonly file?: string;
  /** Access token; `false` for none. @defaultValue HF_TOKEN, else the file of HF_TOKEN_PATH or `$HF_HOME/token` */
  readonly token?: string | false;
  /** The cache. @defaultValue HF_HUB_CACHE, else `$HF_HOME/hub`, else `~/.cache/huggingface/hub` */
  readonly cacheDir?: string;
  /** Whether to take what is in the cache and ask nobody. @defaultValue HF_HUB_OFFLINE */
  readonly localFilesOnly?: boolean;
  /** Told what is downloaded, as it comes; `stderrProgress()` of `@cfrl/engine/node` draws a bar. */
  readonly onProgress?: (event: HubProgress) => void;
}

/** A part of a download. */
export interface HubProgress {
  readonly phase: 'download';
  /** `downloading model.safetensors of organisation/name` */
  readonly message: string;
  readonly bytes: number;
  readonly totalBytes?: number;
}

/** Where the hub is and what is known of it. */
export interface HubSettings {
  readonly endpoint: string;
  readonly cache: string;
  readonly offline: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

const variable = (name: string): string | undefined => {
  const value = process.env[name]?.trim();
  return value === '' ? undefined : value;
};

const isOn = (name: string): boolean =>
  ['1', 'ON', 'YES', 'TRUE'].includes((variable(name) ?? '').toUpperCase());

const expand = (path: string): string => path.replace(/^~(?=$|[/\\])/, homedir());

const home = (): string =>
  expand(
    variable('HF_HOME') ??
      join(variable('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface'),
  );

async function savedToken(): Promise<string | undefined> {
  if (isOn('HF_HUB_DISABLE_IMPLICIT_TOKEN')) return undefined;
  const given = variable('HF_TOKEN') ?? variable('HUGGING_FACE_HUB_TOKEN');
  if (given !== undefined) return given;
  const path = expand(variable('HF_TOKEN_PATH') ?? join(home(), 'token'));
  const text = await readFile(path, 'utf8').catch(() => ''); // nobody has logged in
  return text.trim() === '' ? undefined : text.trim();
}

/** The settings of one call, from its options and the environment. */
export async function hubSettings({
  token,
  cacheDir,
  localFilesOnly,
}: HubOptions): Promise<HubSettings> {
  const cache = cacheDir ?? variable('HF_HUB_CACHE') ?? variable('HUGGINGFACE_HUB_CACHE');
  const used = token === false ? undefined : (token ?? (await savedToken()));
  return {
    endpoint: (variable('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, ''),
    cache: expand(cache ?? join(home(), 'hub')),
    offline: localFilesOnly ?? (isOn('HF_HUB_OFFLINE') || isOn('TRANSFORMERS_OFFLINE')),
    headers: used === undefined ? {} : { authorization: `Bearer ${used}` },
  };
}
