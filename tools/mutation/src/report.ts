import type { Verdict } from './survey.js';

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** A change in one line: `sub → add`. */
export const described = ({ was, text }: Verdict, most = 60): string =>
  `${cut(oneLine(was), most)} → ${cut(oneLine(text), most)}`;

/** How many noticed, and every change that no test did: file, line, what it was and what it became. */
export function summary(verdicts: readonly Verdict[], nameOf: (file: string) => string): string {
  const count = (outcome: Verdict['outcome']): number =>
    verdicts.filter((verdict) => verdict.outcome === outcome).length;
  const alive = verdicts.filter(({ outcome }) => outcome === 'survived' || outcome === 'uncovered');
  const where = alive.map(({ file, line }) => `${nameOf(file)}:${line}`);
  const width = Math.max(0, ...where.map((text) => text.length));
  return [
    `${verdicts.length} mutants: ${count('killed')} killed, ${count('timeout')} stopped after a timeout, ` +
      `${count('survived')} survived, ${count('uncovered')} without a test`,
    ...alive.map(
      (verdict, i) =>
        `${where[i]!.padEnd(width)}  ${verdict.kind.padEnd(9)}  ${described(verdict)}`,
    ),
  ].join('\n');
}
