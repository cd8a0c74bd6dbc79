import { describe, expect, it } from 'vitest';

import { commandLine, parseArguments } from '../src/arguments.js';
import { rows, selectRows, titleOf } from '../src/rows.js';

describe('parseArguments', () => {
  it('measures everything by default', () => {
    const expected = { only: [], quick: false, json: false, force: false };
    expect(parseArguments([])).toEqual(expected);
  });

  it('reads every flag', () => {
    const args = ['--only', 'decoding', 'grpo-step/XS', '--quick', '--json', '--force'];
    const expected = {
      only: ['decoding', 'grpo-step/XS'],
      ...{ quick: true, json: true, force: true },
    };
    expect(parseArguments(args)).toEqual(expected);
  });

  it('gives back the command', () => {
    const args = ['--only', 'decoding', '--quick', '--force'];
    expect(commandLine(parseArguments(args))).toBe(
      'npm run bench -- --only decoding --quick --force',
    );
    expect(commandLine(parseArguments([]))).toBe('npm run bench');
  });
});

describe('selectRows', () => {
  it('takes a row for all models, or for one', () => {
    expect(selectRows(rows, []).length).toBe(rows.length);
    expect(selectRows(rows, ['grpo-memory']).map(({ model }) => model)).toEqual(['XS', 'S', 'M']);
    expect(selectRows(rows, ['decoding/S']).map(titleOf)).toEqual([
      'decoding S against PyTorch',
      'decoding S against transformers',
    ]);
  });

  it('refuses an unknown name', () => {
    expect(() => selectRows(rows, ['decode'])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bench: --only is 'decode', expected one of training-step, decoding, grpo-step, grpo-memory, tokenizing, training-step-wasm, loading, prefill, decoding-1, decoding-8, decoding-32, self-bleu, distinct-1, distinct-2, ngram-entropy, logit-entropy, alone or with a model as in decoding/S]`,
    );
  });
});
