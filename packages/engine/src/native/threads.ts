import { availableParallelism } from 'node:os';

/** Threads that one operation may use: `CFRL_THREADS`, else as many as the process may run at once. */
export function threadCount(): number {
  const asked = process.env['CFRL_THREADS'];
  if (asked === undefined || asked === '') return availableParallelism();
  if (!/^[1-9]\d{0,3}$/.test(asked)) {
    throw new RangeError(`useBackend: CFRL_THREADS is '${asked}', expected a positive integer`);
  }
  return Number(asked);
}
