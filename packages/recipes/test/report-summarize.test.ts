import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type ReportInput, summarize } from '@cfrl/recipes';
import { handInput, handRun, rewards } from './support/report-hand.js';
import { fasterCfrl, syntheticInput } from './support/report-records.js';

/** Quantiles of Student's t at 0.975 from printed tables: 1 and 2 degrees of freedom. */
const T1 = 12.7062;
const T2 = 4.302653;

function difference(input: ReportInput, key: string) {
  return summarize(input).comparisons[0]!.differences.find((item) => item.key === key)!;
}

describe('summarize', () => {
  it('equals mean and Student-t interval worked out by hand', () => {
    // Rewards 0.4, 0.6, 0.8 at the end: mean 0.6, s = 0.2, half width t s / sqrt(3).
    const { arms } = summarize(
      handInput({
        'standard RL': [0.4, 0.6, 0.8].map((end, i) => rewards(i, [0, 0.2], [100, end])),
      }),
    );
    const { before, after, change } = arms[0]!.measures['reward']!;
    const half = (T2 * 0.2) / Math.sqrt(3);
    expect(before).toEqual({ mean: 0.2, low: 0.2, high: 0.2, n: 3 });
    expect(after.mean).toBeCloseTo(0.6, 12);
    expect(after.low).toBeCloseTo(0.6 - half, 6);
    expect(after.high).toBeCloseTo(0.6 + half, 6);
    expect(change.mean).toBeCloseTo(0.4, 12);
    expect(change.high! - change.low!).toBeCloseTo(2 * half, 6);
  });

  it('compares at the most tokens that every run reached, between probes by a straight line', () => {
    const input = handInput({
      'CF-RL': [rewards(1, [0, 0], [200, 0.8])],
      'standard RL': [rewards(1, [0, 0], [100, 0.1], [150, 0.3])],
    });
    const summary = summarize(input);
    expect(summary.budget).toBe(150);
    expect(summary.longest).toBe(200);
    expect(summary.arms[0]!.measures['reward']!.after.mean).toBeCloseTo(0.6, 12); // 150/200 of 0.8
    expect(difference(input, 'reward').estimate).toEqual({
      mean: expect.closeTo(0.3, 12),
      low: null,
      high: null,
      n: 1,
    });
  });

  it('finds tokens to the halfway reward on the straight-line curve', () => {
    // Before 0.1; ends 0.9 and 0.5: mean 0.7; threshold 0.4. CF-RL crosses at 3/8 of 800 = 300;
    // standard RL at 100 + (0.3 - 0.1) ... 0.1 -> 0.5 over 800: 3/4 of the way = 600.
    const input = handInput({
      'CF-RL': [rewards(1, [0, 0.1], [800, 0.9])],
      'standard RL': [rewards(1, [0, 0.1], [800, 0.5])],
    });
    const { threshold, arms } = summarize(input);
    expect(threshold).toBeCloseTo(0.4, 12);
    expect(arms[0]!.tokensToThreshold.mean).toBeCloseTo(300, 9);
    expect(arms[1]!.tokensToThreshold.mean).toBeCloseTo(600, 9);
    expect(difference(input, 'tokensToThreshold').values[0]).toBeCloseTo(-300, 9);
  });

  it('counts a run that never gets there with the budget, and leaves out a pair in which neither does', () => {
    const input = handInput({
      'CF-RL': [rewards(1, [0, 0], [100, 1]), rewards(2, [0, 0], [100, 0])],
      'standard RL': [rewards(1, [0, 0], [100, 0]), rewards(2, [0, 0], [100, 0])],
    });
    const { threshold, arms } = summarize(input);
    expect(threshold).toBe(0.125); // halfway to the mean end, 1/4
    expect(arms[0]).toMatchObject({
      reached: 1,
      tokensToThreshold: { mean: (12.5 + 100) / 2, n: 2 },
    });
    expect(arms[1]).toMatchObject({ reached: 0, tokensToThreshold: { mean: 100 } });
    expect(difference(input, 'tokensToThreshold').values).toEqual([-87.5, null]);
  });

  it('averages reward over training as area under the curve by width', () => {
    // CF-RL: triangle 0 -> 1 then flat: (0.5 * 50 + 1 * 50) / 100 = 0.75; standard RL: 0.5.
    const input = handInput({
      'CF-RL': [rewards(1, [0, 0], [50, 1], [100, 1])],
      'standard RL': [rewards(1, [0, 0], [100, 1])],
    });
    expect(difference(input, 'meanReward').values).toEqual([0.25]);
  });

  it('pairs by seed, whatever the order, and ignores seeds without a twin', () => {
    const input = handInput({
      'CF-RL': [rewards(7, [0, 0], [10, 0.9]), rewards(3, [0, 0], [10, 0.5])],
      'standard RL': [
        rewards(3, [0, 0], [10, 0.4]),
        rewards(9, [0, 0], [10, 1]),
        rewards(7, [0, 0], [10, 0.6]),
      ],
    });
    const [comparison] = summarize(input).comparisons;
    expect(comparison!.seeds).toEqual([7, 3]);
    const { values, estimate } = difference(input, 'reward');
    expect(values).toEqual([expect.closeTo(0.3, 12), expect.closeTo(0.1, 12)]);
    // s of {0.3, 0.1} is 0.2 / sqrt(2); half width t s / sqrt(2) = 0.1 t
    expect(estimate.high! - estimate.mean!).toBeCloseTo(0.1 * T1, 4);
  });

  it('subtracts standard RL wherever it stands, else the last arm', () => {
    const arm = [rewards(1, [0, 0], [10, 1])];
    const names = (input: ReportInput) =>
      summarize(input).comparisons.map(({ arm, baseline }) => `${arm} - ${baseline}`);
    expect(names(handInput({ 'standard RL': arm, 'CF-RL': arm, other: arm }))).toEqual([
      'CF-RL - standard RL',
      'other - standard RL',
    ]);
    expect(names(handInput({ a: arm, b: arm }))).toEqual(['a - b']);
    expect(names(handInput({ a: arm }))).toEqual([]);
  });

  it('says null, not a number, for what was not measured', () => {
    const input = handInput({
      'CF-RL': [
        { seed: 1, probes: [] },
        { seed: 2, probes: [{ sampledTokens: 0, entropy: 1 }] },
      ],
      'standard RL': [rewards(1, [5, 0.2], [10, 0.4])],
    });
    const summary = summarize(input);
    expect(summary).toMatchObject({ budget: null, threshold: null, longest: 10 });
    expect(summary.arms[0]!.measures['entropy']).toEqual({
      before: { mean: 1, low: null, high: null, n: 1 },
      after: { mean: null, low: null, high: null, n: 0 },
      change: { mean: null, low: null, high: null, n: 0 },
    });
    // The first probe of this run is not before RL.
    expect(summary.arms[1]!.measures['reward']!.before.n).toBe(0);
  });

  it('has no threshold when reward did not rise', () => {
    const input = handInput({ 'CF-RL': [rewards(1, [0, 0.5], [10, 0.5])] });
    expect(summarize(input)).toMatchObject({ threshold: null, budget: 10 });
    expect(summarize(input).arms[0]!.tokensToThreshold.n).toBe(0);
  });

  it('does not depend on the order of the runs', () => {
    const input = syntheticInput(fasterCfrl());
    const reference = summarize(input);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          input.arms[0]!.runs.map((_, i) => i),
          { minLength: 5 },
        ),
        (order) => {
          const [first, second] = input.arms;
          const runs = order.map((i) => first!.runs[i]!);
          const { arms, comparisons, budget, threshold } = summarize({
            ...input,
            arms: [{ ...first!, runs }, second!],
          });
          expect(budget).toBe(reference.budget);
          expect(threshold).toBeCloseTo(reference.threshold!, 12);
          for (const [key, { after }] of Object.entries(arms[0]!.measures)) {
            const expected = reference.arms[0]!.measures[key]!.after;
            expect(after.mean).toBeCloseTo(expected.mean!, 6);
            expect(after.low).toBeCloseTo(expected.low!, 6);
          }
          for (const [i, { estimate }] of comparisons[0]!.differences.entries()) {
            expect(estimate.mean).toBeCloseTo(
              reference.comparisons[0]!.differences[i]!.estimate.mean!,
              6,
            );
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  it('leaves its input as it was', () => {
    const input = syntheticInput();
    const copy = structuredClone(input);
    summarize(input);
    expect(input).toEqual(copy);
  });

  const valid = handInput({ 'CF-RL': [rewards(1, [0, 0], [10, 1])] });
  const withRun = (run: object): ReportInput =>
    ({
      ...valid,
      arms: [{ ...valid.arms[0]!, runs: [{ ...valid.arms[0]!.runs[0]!, ...run }] }],
    }) as ReportInput;
  const probes = (...rows: object[]) => withRun({ probes: rows });

  it.each<[string, unknown, typeof RangeError, string]>([
    [
      'no arms',
      { ...valid, arms: [] },
      RangeError,
      'summarize: input.arms is empty, expected at least one entry',
    ],
    ['no input', null, TypeError, 'summarize: input is null, expected an object'],
    [
      'no title',
      { ...valid, title: undefined },
      TypeError,
      'summarize: input.title is undefined, expected a string',
    ],
    [
      'arm twice',
      { ...valid, arms: [valid.arms[0], valid.arms[0]] },
      RangeError,
      'summarize: input.arms[1].name is "CF-RL", expected a name that no other has',
    ],
    [
      'seed twice',
      { ...valid, arms: [{ ...valid.arms[0], runs: [handRun(rewards(4)), handRun(rewards(4))] }] },
      RangeError,
      'summarize: input.arms[0].runs[1].seed is 4, expected a seed that no other has',
    ],
    [
      'half a seed',
      withRun({ seed: 0.5 }),
      RangeError,
      'summarize: input.arms[0].runs[0].seed is 0.5, expected an integer',
    ],
    [
      'NaN',
      probes({ sampledTokens: 0, entropy: NaN }),
      RangeError,
      'summarize: input.arms[0].runs[0].probes[0].entropy is NaN, expected a finite number',
    ],
    [
      'infinity',
      probes({ sampledTokens: 0 }, { sampledTokens: 1, reward: Infinity }),
      RangeError,
      'summarize: input.arms[0].runs[0].probes[1].reward is Infinity, expected a finite number',
    ],
    [
      'text for a number',
      probes({ sampledTokens: 0, reward: '1' }),
      TypeError,
      'summarize: input.arms[0].runs[0].probes[0].reward is "1", expected a finite number',
    ],
    [
      'probes out of order',
      probes({ sampledTokens: 8 }, { sampledTokens: 7 }),
      RangeError,
      'summarize: input.arms[0].runs[0].probes[1].sampledTokens is 7, expected at least 8, that of the row before',
    ],
    [
      'no rows',
      withRun({ steps: undefined }),
      TypeError,
      'summarize: input.arms[0].runs[0].steps is undefined, expected an array',
    ],
    [
      'a sample without text',
      withRun({ samplesAfter: [{ prompt: '', answer: '', reward: 0 }] }),
      TypeError,
      'summarize: input.arms[0].runs[0].samplesAfter[0].completion is undefined, expected a string',
    ],
  ])('throws on %s, saying where', (_name, input, Kind, message) => {
    const run = () => summarize(input as ReportInput);
    expect(run).toThrow(Kind);
    expect(run).toThrow(expect.objectContaining({ message }));
  });
});
