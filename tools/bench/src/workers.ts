import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { type Worker, type WorkerCommand, startWorker } from './client.js';

/** The processes: ours on two backends, and one for each peer. */
export type WorkerName = 'ours' | 'wasm' | 'torch' | 'transformers' | 'trl';

/** Starts workers, and keeps those that are used again. */
export interface Workers {
  /** The long-lived worker of that name. */
  get(name: WorkerName): Promise<Worker>;
  /** A process of its own; the caller closes it. */
  fresh(name: WorkerName): Promise<Worker>;
  /** The versions of everything that was started. */
  readonly versions: Readonly<Record<string, string>>;
  /** The threads of each. */
  readonly threads: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

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

/** Whether a worker is one of ours. */
export const isOurs = (name: WorkerName): boolean => name === 'ours' || name === 'wasm';

/**
 * The workers of one run.
 *
 * @param ours - Node's arguments that start ours
 * @param python - an interpreter with the peers, if a row needs one
 * @param caches - a folder for what the peers keep
 */
export function workers(
  ours: readonly string[],
  python: string | undefined,
  caches: string,
): Workers {
  const kept = new Map<WorkerName, Promise<Worker>>();
  const versions: Record<string, string> = {};
  const threads: Record<string, number> = {};
  const count = String(THREADS);

  const ourCommand = (name: WorkerName): WorkerCommand => {
    const CFRL_BACKEND = name === 'wasm' ? 'wasm' : 'tensorflow';
    const env = { CFRL_THREADS: count, CFRL_BACKEND };
    return { name, program: process.execPath, args: ours, env };
  };
  const peerCommand = (name: WorkerName): WorkerCommand => ({
    name,
    program: python!,
    args: ['-u', path('../python/worker.py')],
    env: {
      CFRL_THREADS: count,
      OMP_NUM_THREADS: count,
      MKL_NUM_THREADS: count,
      TOKENIZERS_PARALLELISM: 'false',
      PYTHONIOENCODING: 'utf-8',
      PYTHONDONTWRITEBYTECODE: '1',
      HF_HOME: caches,
      TORCHINDUCTOR_CACHE_DIR: `${caches}/inductor`,
      // Everything is on the disk: nobody is to be asked for it.
      HF_HUB_OFFLINE: '1',
      HF_DATASETS_OFFLINE: '1',
      HF_HUB_DISABLE_TELEMETRY: '1',
    },
  });

  async function fresh(name: WorkerName): Promise<Worker> {
    const worker = startWorker(isOurs(name) ? ourCommand(name) : peerCommand(name));
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

  return {
    fresh,
    get: (name) => {
      const worker = kept.get(name) ?? fresh(name);
      kept.set(name, worker);
      return worker;
    },
    versions,
    threads,
    close: async () => {
      const started = await Promise.allSettled(kept.values());
      await Promise.all(started.map((each) => 'value' in each && each.value.close()));
    },
  };
}
