import { points } from './curve.js';
import { type Estimate, estimate } from './estimate.js';
import { ATTRIBUTION } from './measures.js';
import type { ArmData } from './input.js';

/**
 * The attribution of entropy changes of an arm, one estimate a measure of `ATTRIBUTION`: mean
 * over the probed updates of a run, then over seeds.
 */
export function attribution(arm: ArmData): Estimate[] {
  return ATTRIBUTION.map((measure) =>
    estimate(
      arm.runs.map((run) => {
        const values = points(run, measure).map(({ value }) => value);
        return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
      }),
    ),
  );
}
