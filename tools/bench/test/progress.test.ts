import { PassThrough } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { formatSeconds, progressView, timeLeft } from '../src/progress.js';

describe('progress', () => {
  it('estimates what is left from what was done', () => {
    expect(formatSeconds(65)).toBe('1 min 05 s');
    expect(timeLeft(0.25, 30)).toBe('1 min 30 s left');
    expect(timeLeft(0, 30)).toBe('estimating');
  });

  it('writes a line whenever something else is done, where there is no terminal', () => {
    const stream = new PassThrough();
    const view = progressView(stream as unknown as NodeJS.WriteStream, () => 0);
    view.update(0.5, 'a');
    view.update(0.6, 'a');
    view.update(0.7, 'b');
    view.stop();
    expect(String(stream.read())).toBe(' 50 % | estimating | a\n 70 % | estimating | b\n');
  });
});
