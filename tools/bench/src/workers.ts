import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { type Worker, startWorker } from './client.js';

/** The processes: ours on two backends, and one for each peer. */
export type WorkerName = 'ours' | 'wasm' | 'torch' | 'transformers' | 'trl';

/** Whether a worker is one of ours. */
export const isOurs = (name: WorkerName): boolean => name === 'ours' || name === 'wasm';

/** Threads an operation may use, the same for all processes. */
const THREADS = 2;

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Node's arguments that run TypeScript with the packages' sources. */
export const fromSources: readonly string[] = [
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

/** What {@link workers} gives. */
export type Workers = ReturnType<typeof workers>;

/**
 * The processes of one run, and what they say of themselves.
 *
 * @param ours - Node's arguments that start ours
 * @param python - an interpreter with the peers, if a row needs one
 * @param caches - a folder for what the peers keep
 */
export function workers(ours: readonly string[], python: string | undefined, caches: string) {
  const kept = new Map<WorkerName, Promise<Worker>>();
  const versions: Record<string, string> = {};
  const threads: Record<string, number> = {};

  /** A process of its own; the caller closes it. */
  async function fresh(name: WorkerName): Promise<Worker> {
    const CFRL_BACKEND = name === 'wasm' ? 'wasm' : 'tensorflow';
    const settings = isOurs(name) ? { CFRL_BACKEND } : peerSettings(caches);
    const env = { CFRL_THREADS: String(THREADS), ...settings };
    const worker = isOurs(name)
      ? startWorker(name, process.execPath, ours, env)
      : startWorker(name, python!, ['-u', path('../python/worker.py')], env);
    try {
      const hello = await worker.call('hello', {});
      // WebAssembly has one thread in Node.js, whatever it is given.
      if (hello.threads !== THREADS && name !== 'wasm') {
        throw new Error(
          `bench: ${name} has ${hello.threads} threads, expected ${THREADS}; measure on a machine with at least ${THREADS} processors`,
        );
      }
      Object.assign(versions, hello.versions);
      threads[name] = hello.threads;
      return worker;
    } catch (error) {
      await worker.close();
      throw error;
    }
  }

  /** The long-lived worker of that name. */
  function get(name: WorkerName): Promise<Worker> {
    const worker = kept.get(name) ?? fresh(name);
    kept.set(name, worker);
    return worker;
  }

  async function close(): Promise<void> {
    const started = await Promise.allSettled(kept.values());
    await Promise.all(started.map((each) => 'value' in each && each.value.close()));
  }
  return { fresh, get, close, versions, threads };
}
