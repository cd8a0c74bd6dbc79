import type { InstallEvent } from '../backend/types.js';

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/** The default report: one line on standard error that is rewritten on a terminal, a line a phase elsewhere. */
export function stderrProgress(): (event: InstallEvent) => void {
  const terminal = process.stderr.isTTY === true;
  const start = Date.now();
  let phase = '';
  let phaseStart = start;
  let firstBytes = 0;
  let drawn = 0;
  return (event) => {
    const fresh = event.phase !== phase;
    if (fresh) {
      if (terminal && phase !== '') process.stderr.write('\n');
      phase = event.phase;
      phaseStart = Date.now();
      firstBytes = event.bytes ?? 0;
      process.stderr.write(`cfrl: ${event.message}${terminal ? '' : '\n'}`);
    }
    if (!terminal || event.phase === 'done') {
      if (terminal) process.stderr.write('\n');
      return;
    }
    const last = event.bytes === event.totalBytes;
    if (event.bytes === undefined || (!fresh && !last && Date.now() - drawn < 100)) return;
    drawn = Date.now();
    const seconds = (drawn - phaseStart) / 1000;
    process.stderr.write(`\r\x1b[2Kcfrl: ${event.message} ${bar(event, firstBytes, seconds)}`);
  };
}

/** `[#####-----] 52 % 142 of 274 MB, 12 s left` */
export function bar(
  { bytes = 0, totalBytes }: Pick<InstallEvent, 'bytes' | 'totalBytes'>,
  firstBytes: number,
  seconds: number,
): string {
  if (totalBytes === undefined || totalBytes <= 0) return megabytes(bytes);
  const share = Math.min(1, bytes / totalBytes);
  const filled = Math.round(share * 24);
  const speed = (bytes - firstBytes) / Math.max(seconds, 1e-3);
  const left =
    seconds > 1 && speed > 0 ? `, ${Math.ceil((totalBytes - bytes) / speed)} s left` : '';
  const line = '#'.repeat(filled) + '-'.repeat(24 - filled);
  return `[${line}] ${Math.floor(share * 100)} % of ${megabytes(totalBytes)}${left}`;
}
