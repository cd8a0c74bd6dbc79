import { describe, expect, it } from 'vitest';

import { attribution } from '../src/report/attribution.js';
import { ATTRIBUTION } from '../src/report/measures.js';
import type { ArmData, ProbeRow } from '@cfrl/recipes';
import { syntheticArm } from './support/report-records.js';

const arm = syntheticArm({ seeds: [1, 2, 3] });

/** A row of a probe that explains no update. */
const unexplained = (row: ProbeRow): ProbeRow =>
  Object.fromEntries(
    Object.entries(row).filter(([name]) => !ATTRIBUTION.some(({ key }) => key === name)),
  ) as unknown as ProbeRow;

/** The first probe explains no update; some runs have more probes than others. */
const uneven: ArmData = {
  ...arm,
  runs: arm.runs.map((run, i) => ({
    ...run,
    probes: run.probes
      .slice(0, 4 + 3 * i)
      .map((row, step) => (step === 0 ? unexplained(row) : row)),
  })),
};

const meanOf = (values: readonly number[]): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
};

describe('attribution', () => {
  it('is the mean over the probed updates of a run, and then over seeds, whatever their number', () => {
    const found = attribution(uneven);
    expect(found).toHaveLength(ATTRIBUTION.length);
    ATTRIBUTION.forEach(({ key }, i) => {
      const runs = uneven.runs.map(({ probes }) =>
        meanOf(
          probes.flatMap((row) => {
            const value = row[key as keyof ProbeRow];
            return typeof value === 'number' ? [value] : [];
          }),
        ),
      );
      expect(found[i]!.mean, key).toBeCloseTo(meanOf(runs), 12);
      expect(found[i]!.n, key).toBe(3);
    });
  });

  it('leaves out a run without a probed update, and says nothing where there is none', () => {
    const [first, ...others] = uneven.runs;
    const without = {
      ...uneven,
      runs: [{ ...first!, probes: first!.probes.slice(0, 1) }, ...others],
    };
    expect(attribution(without).map(({ n }) => n)).toEqual(ATTRIBUTION.map(() => 2));
    const nothing = { ...without, runs: without.runs.slice(0, 1) };
    expect(attribution(nothing).map(({ mean }) => mean)).toEqual(ATTRIBUTION.map(() => null));
  });
});
