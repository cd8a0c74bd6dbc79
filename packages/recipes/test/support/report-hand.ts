import type { ProbeRow, ReportInput, RunData } from '@cfrl/recipes';

/** What a hand-written run holds: per probe the tokens and whichever measures matter. */
export interface HandRun {
  readonly seed: number;
  readonly probes: readonly (Partial<ProbeRow> & { readonly sampledTokens: number })[];
  readonly stageBoundary?: number;
}

/** A run of probes that hold only what is given, as stored records may. */
export function handRun({ seed, probes, stageBoundary }: HandRun): RunData {
  return {
    seed,
    config: {},
    steps: [],
    probes: probes as readonly ProbeRow[],
    samplesBefore: [],
    samplesAfter: [],
    seconds: 1,
    ...(stageBoundary !== undefined && { stageBoundary }),
  };
}

/** Probes of held-out reward alone, from `[tokens, reward]`. */
export function rewards(seed: number, ...curve: readonly [number, number][]): HandRun {
  return { seed, probes: curve.map(([sampledTokens, reward]) => ({ sampledTokens, reward })) };
}

/** An input of hand-written arms. */
export function handInput(arms: Readonly<Record<string, readonly HandRun[]>>): ReportInput {
  return {
    title: 'By hand',
    task: { name: 'hand', description: 'Numbers small enough to check by hand.' },
    versions: {},
    backend: 'cpu',
    command: 'none',
    arms: Object.entries(arms).map(([name, runs]) => ({
      name,
      description: '',
      runs: runs.map(handRun),
    })),
  };
}
