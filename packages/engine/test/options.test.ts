import { between, checkSeed, option, required, resolveOptions } from '@cfrl/engine';
import { describe, expect, it } from 'vitest';

const table = { seed: required<number>(checkSeed), share: option(0.5, between(0, 1)) };
const resolve = (options: object) => resolveOptions('run', options, table);

describe('resolveOptions', () => {
  it('gives every option of the table, with its default where it was not given', () => {
    expect(resolve({ seed: 7 })).toEqual({ seed: 7, share: 0.5 });
    expect(resolve({ seed: 7, share: undefined })).toEqual({ seed: 7, share: 0.5 });
    expect(resolve({ seed: 0, share: 0 })).toEqual({ seed: 0, share: 0 });
  });

  it.each([
    ['run: seed is undefined, expected an integer', {}],
    ['run: seed is undefined, expected an integer', { seed: undefined }],
    ['run: seed is -1, expected an integer', { seed: -1 }],
    ['run: share is 2, expected a number in [0, 1]', { seed: 7, share: 2 }],
    ['run: options has "sed", expected only seed, share', { sed: 7 }],
  ])('%s', (message, options) => {
    expect(() => resolve(options)).toThrow(RangeError);
    expect(() => resolve(options)).toThrow(message);
  });

  it('asks for no option that may be left out', () => {
    const limit = { limit: option<number | undefined>(undefined, checkSeed) };
    expect(resolveOptions('run', {}, limit)).toEqual({ limit: undefined });
  });
});
