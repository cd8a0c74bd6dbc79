import { gae } from '@cfrl/rl';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const number = fc.double({ min: -5, max: 5, noNaN: true });
const unit = fc.double({ min: 0, max: 1, noNaN: true });
const episode = fc
  .nat(10)
  .chain((n) =>
    fc.tuple(
      fc.array(number, { minLength: n, maxLength: n }),
      fc.array(number, { minLength: n + 1, maxLength: n + 1 }),
    ),
  );

describe('gae', () => {
  it('equals the defining double sum', () => {
    fc.assert(
      fc.property(episode, unit, unit, ([rewards, values], gamma, gaeLambda) => {
        const { advantages } = gae(rewards, values, { gamma, gaeLambda });
        rewards.forEach((_, t) => {
          let sum = 0;
          for (let k = t; k < rewards.length; k++) {
            const delta = rewards[k]! + gamma * values[k + 1]! - values[k]!;
            sum += (gamma * gaeLambda) ** (k - t) * delta;
          }
          expect(advantages[t]).toBeCloseTo(sum, 8);
        });
      }),
    );
  });

  it('is, at lambda 1, the discounted return (with the bootstrap value) minus the value', () => {
    fc.assert(
      fc.property(episode, unit, ([rewards, values], gamma) => {
        const { advantages, returns } = gae(rewards, values, { gamma, gaeLambda: 1 });
        rewards.forEach((_, t) => {
          const left = rewards.length - t;
          let sum = gamma ** left * values.at(-1)!;
          for (let k = 0; k < left; k++) sum += gamma ** k * rewards[t + k]!;
          expect(returns[t]).toBeCloseTo(sum, 8);
          expect(advantages[t]).toBeCloseTo(sum - values[t]!, 8);
        });
      }),
    );
  });

  it('is, at lambda 0, the one-step error', () => {
    const { advantages } = gae([1, 2], [3, 5, 7], { gamma: 0.5, gaeLambda: 0 });
    expect(advantages).toEqual([1 + 2.5 - 3, 2 + 3.5 - 5]);
  });

  it('is zero where the critic is exact, whatever lambda is', () => {
    const { advantages } = gae([1, 1, 1], [3, 2, 1, 0], { gaeLambda: 0.7 });
    expect(advantages).toEqual([0, 0, 0]);
  });

  it('uses gamma 1 and lambda 0.95 unless told otherwise', () => {
    expect(gae([0, 1], [0, 0, 0]).advantages).toEqual([0.95, 1]);
  });

  it('takes an empty episode and leaves its arguments as they are', () => {
    expect(gae([], [4])).toEqual({ advantages: [], returns: [] });
    const [rewards, values] = [Object.freeze([1, 2]), Object.freeze([0, 0, 0])];
    expect(() => gae(rewards, values)).not.toThrow();
  });

  it('refuses what does not fit', () => {
    expect(() => gae([1], [1])).toThrow(
      'gae: values has 1 entries, expected 2 (rewards + 1); append the value after the last token',
    );
    expect(() => gae([NaN], [1, 2])).toThrow('gae: rewards[0] is NaN, expected a finite number');
    expect(() => gae([1], [1, -Infinity])).toThrow('gae: values[1] is -Infinity');
    expect(() => gae([1], [1, 2], { gamma: 1.1 })).toThrow('gae: gamma is 1.1, expected a number');
    expect(() => gae([1], [1, 2], { gaeLambda: NaN })).toThrow(RangeError);
    expect(() => gae([1], [1, 2], { lambda: 1 } as object)).toThrow('gae: options has "lambda"');
  });
});
