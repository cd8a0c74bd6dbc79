import type { Row, Side } from '../rows.js';
import type { Json, Prepared } from '../worker/protocol.js';
import type { Greeted } from '../worker/workers.js';
import { type Difference, disagreement } from './compare.js';

/** A side that is ready to be timed. */
export interface Ready extends Prepared {
  readonly side: Side;
  readonly worker: Greeted;
  readonly differences: readonly Difference[];
}

/** Makes a job in a worker. */
export const prepare = (
  worker: Greeted,
  { label: job, program, options }: Side,
  folder: string,
  given: Json = null,
  bare = false,
): Promise<Prepared> => worker.call('prepare', { job, program, options, given, folder, bare });

/** Prepares a rival and refuses it if it computes something else. */
export async function prepareRival(
  row: Row,
  folder: string,
  side: Side,
  own: Prepared,
  worker: Greeted,
): Promise<Ready> {
  const prepared = await prepare(worker, side, folder, own.handoff);
  const differences = row.compare(own.check, prepared.check);
  const reason = disagreement(differences);
  if (reason !== undefined) {
    await worker.call('release', { job: side.label });
    throw new Error(reason);
  }
  return { ...prepared, side, worker, differences };
}
