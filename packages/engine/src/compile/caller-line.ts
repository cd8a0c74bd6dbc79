/** Frames that are not the caller's own code: packages, the runtime, and this one. */
const foreign = /node_modules|node:internal|[\\/]engine[\\/](src|dist)[\\/]|<anonymous>/;

/** Where the code of whoever uses this package stands, as ` at FILE:LINE`; empty if it cannot be told. */
export function callerLine(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  const own = frames.find((frame) => frame.includes(':') && !foreign.test(frame));
  const place =
    own &&
    /\(?((?:file:\/\/)?[^()\s][^()]*:\d+):\d+\)?$/.exec(
      own.trim().replace(/^at (async )?/, ''),
    )?.[1];
  return place === undefined ? '' : ` at ${place}`;
}
