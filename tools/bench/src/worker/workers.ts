import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { threads } from '../work/work.js';
import { type Worker, startWorker } from './client.js';
import type { Hello } from './protocol.js';

/** The processes: ours on two backends, and one for each peer. */
export type WorkerName = 'ours' | 'wasm' | 'torch' | 'transformers' | 'trl';

/** Whether a worker is one of ours. */
export const isOurs = (name: WorkerName): boolean => name === 'ours' || name === 'wasm';

/** A worker that has said what it is. */
export interface Greeted extends Worker {
  readonly hello: Hello;
}

/** Starts workers, and keeps those that are used again. */
export interface Workers {
  /** The long-lived worker of that name. */
  get(name: WorkerName): Promise<Greeted>;
  /** A process of its own; the caller closes it. */
  fresh(name: WorkerName): Promise<Greeted>;
  /** The versions of everything that was started. */
  readonly versions: Readonly<Record<string, string>>;
  /** The threads of each. */
  readonly threads: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Our worker from the sources: what tests run, with nothing built before. */
export const sourceWorker: readonly string[] = [
  '--import',
  pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href,
  '--conditions=@cfrl/source',
  path('../ours/worker.ts'),
];

const count = String(threads);

function commandOf(
  name: WorkerName,
  ours: readonly string[],
  python: string | undefined,
  caches: string,
) {
  if (isOurs(name)) {
    const backend = name === 'wasm' ? 'wasm' : 'tensorflow';
    return {
      name,
      program: process.execPath,
      args: ours,
      env: { CFRL_THREADS: count, CFRL_BACKEND: backend },
    };
  }
  return {
    name,
    program: python!,
    args: ['-u', path('../../python/worker.py')],
    env: {
      ...{ CFRL_THREADS: count, OMP_NUM_THREADS: count, MKL_NUM_THREADS: count },
      // Everything is on the disk: nobody is to be asked for it.
      ...{ HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', HF_HUB_DISABLE_TELEMETRY: '1' },
      ...{
        TOKENIZERS_PARALLELISM: 'false',
        PYTHONIOENCODING: 'utf-8',
        PYTHONDONTWRITEBYTECODE: '1',
      },
      ...{ HF_HOME: caches, TORCHINDUCTOR_CACHE_DIR: `${caches}/inductor` },
    },
  };
}

/** Everything gets the same; WebAssembly has one thread in Node.js, whatever it is given. */
function checkThreads(name: WorkerName, has: number): void {
  if (has === threads || name === 'wasm') return;
  throw new Error(
    `bench: ${name} has ${has} threads, expected ${threads}; measure on a machine with at least ${threads} processors`,
  );
}

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
  const kept = new Map<WorkerName, Promise<Greeted>>();
  const versions: Record<string, string> = {};
  const threadsOf: Record<string, number> = {};

  async function fresh(name: WorkerName): Promise<Greeted> {
    const worker = startWorker(commandOf(name, ours, python, caches));
    try {
      const hello = await worker.call('hello', {});
      checkThreads(name, hello.threads);
      Object.assign(versions, hello.versions);
      threadsOf[name] = hello.threads;
      return { ...worker, hello };
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
    threads: threadsOf,
    close: async () => {
      const started = await Promise.allSettled(kept.values());
      await Promise.all(
        started.map((each) => (each.status === 'fulfilled' ? each.value.close() : undefined)),
      );
    },
  };
}
