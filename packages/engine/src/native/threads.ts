import { availableParallelism } from 'node:os';

/** Threads that one operation may use: `CFRL_THREADS`, else TensorFlow's own variable, else as many as the process may run at once. */
export function threadCount(): number {
  const { CFRL_THREADS, TF_NUM_INTRAOP_THREADS } = process.env;
  const asked = Number(CFRL_THREADS || TF_NUM_INTRAOP_THREADS || 0);
  return Number.isInteger(asked) && asked > 0 ? asked : availableParallelism();
}

/** Passes the number on to TensorFlow, which reads it from the environment, once, when it is loaded. */
export function setThreads(threads: number): void {
  process.env['TF_NUM_INTRAOP_THREADS'] = String(threads);
  process.env['TF_NUM_INTEROP_THREADS'] ??= String(threads);
}
