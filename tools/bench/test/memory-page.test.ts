import { describe, expect, it } from 'vitest';

import { memoryPart } from '../src/large/page.js';
import type { StepOptions, StepReport } from '../src/large/step.js';

const options: StepOptions = {
  ...{ rematerialize: true, rows: 4, time: 512, microBatches: 2, steps: 2, lora: false },
};
const report: StepReport = {
  ...{ parameters: 134_515_008, trained: 134_515_008, tokens: 4096, threads: 2 },
  losses: [10.92, 10.231],
  seconds: [20, 14.5],
  peakMebibytes: 5144,
};

describe('memoryPart', () => {
  it('has a row a setting: the largest peak, and the time of the step that records nothing', () => {
    const page = memoryPart(
      [
        { options, report },
        {
          options: { ...options, rematerialize: false, lora: true },
          report: { ...report, trained: 4_884_480 },
        },
      ],
      '2 x a processor',
    );
    expect(page.split('\n').filter((line) => line.includes(' | '))).toEqual([
      '| trained | parameters | blocks computed again | peak | last step | a token | loss before each step |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| all parameters | 134.5 M | yes | 5.0 GiB | 14.5 s | 3.5 ms | 10.92, 10.23 |',
      '| adapters of rank 16 | 4.9 M | no | 5.0 GiB | 14.5 s | 3.5 ms | 10.92, 10.23 |',
    ]);
    expect(page).toContain('on 2 x a processor, with 2 threads');
    expect(page).toContain('A step has 4,096 tokens, in\n2 micro-batches of 4 sequences of 512.');
  });
});
