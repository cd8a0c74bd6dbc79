import { describe, expect, it } from 'vitest';

import { findings, type ReportInput } from '@cfrl/recipes';
import { handInput, type HandRun } from './support/report-hand.js';
import {
  fasterCfrl,
  noisyArms,
  slowerCfrl,
  syntheticArm,
  syntheticInput,
} from './support/report-records.js';

const verdicts = (input: ReportInput) =>
  Object.fromEntries(findings(input).map(({ claim, verdict }) => [claim, verdict]));
const finding = (input: ReportInput, claim: string) =>
  findings(input).find((item) => item.claim === claim)!;

describe('findings', () => {
  it('supports C1 and C3 when CF-RL is faster and both arms sharpen; C2 stays open', () => {
    const input = syntheticInput(fasterCfrl());
    expect(verdicts(input)).toEqual({ C1: 'supported', C2: 'undecided', C3: 'supported' });
    expect(finding(input, 'C3').text).toMatch(
      /On the same seed CF-RL needed [\d,]+ \[[\d,]+, [\d,]+\] fewer\./,
    );
    expect(finding(input, 'C2').text).toContain('contradict this claim but not establish it');
  });

  it('does not support the claims when everything goes the other way', () => {
    const input = syntheticInput(slowerCfrl());
    expect(verdicts(input)).toEqual({
      C1: 'not supported',
      C2: 'not supported',
      C3: 'not supported',
    });
    expect(finding(input, 'C3').text).toMatch(/CF-RL needed [\d,]+ \[[\d,]+, [\d,]+\] more\./);
    expect(finding(input, 'C1').text).toContain(
      'Under CF-RL, confidence fell, entropy rose and self-BLEU fell.',
    );
  });

  it('leaves noise undecided, and says so', () => {
    const input = syntheticInput(noisyArms());
    expect(verdicts(input)).toEqual({ C1: 'undecided', C2: 'undecided', C3: 'undecided' });
    expect(finding(input, 'C1').text).toContain('did not clearly change');
    expect(finding(input, 'C3').text).toContain('not clearly on one side of zero');
  });

  it('decides nothing with one seed, however large the effect', () => {
    const input = syntheticInput([
      syntheticArm({ name: 'CF-RL', seeds: [1], pace: 5_000, boundaryStep: 20 }),
      syntheticArm({ name: 'standard RL', seeds: [1], pace: 80_000 }),
    ]);
    expect(verdicts(input)).toEqual({ C1: 'undecided', C2: 'undecided', C3: 'undecided' });
    expect(finding(input, 'C1').text).toContain('One seed gives no interval');
    for (const { numbers } of findings(input)) {
      for (const { estimate } of numbers)
        expect(estimate).toMatchObject({ low: null, high: null, n: 1 });
    }
  });

  it('does not judge C1 and C2 where features vary, since the premise fails', () => {
    const slow = slowerCfrl().map(({ name, runs }) => ({ name, description: '', runs }));
    const varied = slow.map((arm) => ({
      ...arm,
      runs: arm.runs.map((run) => ({
        ...run,
        probes: run.probes.map((row) => ({ ...row, featureCosine: 0.2 })),
      })),
    }));
    expect(verdicts(syntheticInput(varied))).toEqual({
      C1: 'undecided',
      C2: 'undecided',
      C3: 'not supported',
    });
    expect(finding(syntheticInput(varied), 'C1').text).toContain('premise does not hold');
  });

  it('needs both arms for C2 and C3, and only one for C1', () => {
    const input = syntheticInput([syntheticArm({ name: 'standard RL' })]);
    expect(verdicts(input)).toEqual({ C1: 'supported', C2: 'undecided', C3: 'undecided' });
    expect(finding(input, 'C3').text).toBe(
      'This needs arms called CF-RL and standard RL with seeds in common.',
    );
  });

  it('does not support C3 when CF-RL is faster but clearly less confident', () => {
    const input = syntheticInput([
      syntheticArm({ name: 'CF-RL', pace: 15_000, sharpening: 0.05, boundaryStep: 40 }),
      syntheticArm({ name: 'standard RL', pace: 40_000, sharpening: 0.35 }),
    ]);
    const { verdict, numbers } = finding(input, 'C3');
    expect(numbers[0]!.estimate.high).toBeLessThan(0);
    expect(numbers[1]!.estimate.high).toBeLessThan(0);
    expect(verdict).toBe('not supported');
  });

  it('is undecided on C3 when only one of its two parts is clear', () => {
    const input = syntheticInput([
      syntheticArm({ name: 'CF-RL', pace: 15_000, boundaryStep: 40 }),
      syntheticArm({ name: 'standard RL', pace: 40_000 }),
    ]);
    // Same final confidence within noise: blank out what the two arms share.
    const same: ReportInput = {
      ...input,
      arms: input.arms.map((arm) => ({
        ...arm,
        runs: arm.runs.map((run) => ({
          ...run,
          probes: run.probes.map((row) => ({
            ...row,
            confidence: 0.5 + 0.01 * ((run.seed + row.step + arm.name.length) % 3),
          })),
        })),
      })),
    };
    const { verdict, numbers } = finding(same, 'C3');
    expect(numbers[0]!.estimate.high).toBeLessThan(0);
    expect(numbers[1]!.estimate.low).toBeLessThanOrEqual(0);
    expect(numbers[1]!.estimate.high).toBeGreaterThanOrEqual(0);
    expect(verdict).toBe('undecided');
  });

  it('measures the growth of G at the end of stage 1, by hand', () => {
    // G doubles in stage 1 under CF-RL and stays under standard RL: log growth differs by log 2.
    const run = (seed: number, middle: number, stageBoundary?: number): HandRun => ({
      seed,
      probes: [
        { sampledTokens: 0, reward: 0, gradientNorm: 3, featureCosine: 0.9 },
        { sampledTokens: 50, reward: 0.5, gradientNorm: middle },
        { sampledTokens: 100, reward: 1, gradientNorm: 3 },
      ],
      ...(stageBoundary !== undefined && { stageBoundary }),
    });
    const input = handInput({
      'CF-RL': [run(1, 6, 50), run(2, 6, 50)],
      'standard RL': [run(1, 3), run(2, 3)],
    });
    expect(finding(input, 'C2').numbers[0]!.estimate.mean).toBeCloseTo(Math.LN2, 12);
    expect(finding(input, 'C2').text).toContain('‖G‖ grew 2.00 [2.00, 2.00] times as much');
  });

  it('flips C3 when the names of the arms are swapped', () => {
    const [cfrl, standard] = fasterCfrl();
    const swapped = [
      { ...standard!, name: 'CF-RL' },
      { ...cfrl!, name: 'standard RL' },
    ];
    const ends = (arms: typeof swapped) =>
      finding(syntheticInput(arms), 'C3').numbers.map(({ estimate }) => estimate.mean!);
    expect(finding(syntheticInput(swapped), 'C3').verdict).toBe('not supported');
    ends(swapped).forEach((mean, i) => expect(mean).toBeCloseTo(-ends([cfrl!, standard!])[i]!, 6));
  });
});
