import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { type Worker, startWorker } from './worker.js';

/** Who computes: ours on one of two backends, or a peer in Python. */
export type WorkerName = 'ours' | 'wasm' | 'python';

/** Threads an operation may use, the same for all processes. */
export const THREADS = 2;

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Node's arguments that run TypeScript with the packages' sources. */
const fromSources: readonly string[] = [
  '--import',
  pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href,
  '--conditions=@cfrl/source',
];

/** Our worker from the sources: what tests run, with nothing built before. */
export const sourceWorker: readonly string[] = [...fromSources, path('ours/worker.ts')];

/** Settings of the peers; everything is on the disk, nobody is to be asked for it. */
const peerSettings = (caches: string) => ({
  OMP_NUM_THREADS: String(THREADS),
  MKL_NUM_THREADS: String(THREADS),
  TOKENIZERS_PARALLELISM: 'false',
  PYTHONIOENCODING: 'utf-8',
  PYTHONDONTWRITEBYTECODE: '1',
  HF_HOME: caches,
  TORCHINDUCTOR_CACHE_DIR: `${caches}/inductor`,
  HF_HUB_OFFLINE: '1',
  HF_DATASETS_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
});

/**
 * Starts a process for one side of a row.
 *
 * @param ours - Node's arguments that start ours
 * @param python - an interpreter with the peers, if a row needs one
 * @param caches - a folder for what the peers keep
 */
export const starter =
  (ours: readonly string[], python: string | undefined, caches: string) =>
  (name: WorkerName): Worker => {
    const env = { CFRL_THREADS: String(THREADS) };
    if (name === 'python') {
      const settings = { ...env, ...peerSettings(caches) };
      return startWorker(name, python!, ['-u', path('../python/worker.py')], settings);
    }
    const CFRL_BACKEND = name === 'wasm' ? 'wasm' : 'tensorflow';
    return startWorker(name, process.execPath, ours, { ...env, CFRL_BACKEND });
  };

/** Runs a script of ours in a process of its own, and returns what it prints as JSON. */
export function runScript<T>(url: URL, argument: unknown, env: NodeJS.ProcessEnv = {}): T {
  const args = [...fromSources, url.pathname, JSON.stringify(argument)];
  const output = execFileSync(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  return JSON.parse(output) as T;
}
