import { describe, expect, it } from 'vitest';

import { parseArguments } from '../src/arguments.js';
import { rows, selectRows, titleOf } from '../src/rows.js';

describe('parseArguments', () => {
  it('measures everything by default', () => {
    const expected = { only: [], quick: false, force: false, help: false };
    expect(parseArguments([])).toMatchObject(expected);
  });

  it('reads every flag', () => {
    const args = ['--only', 'decoding', 'grpo-step/XS', '--quick', '--force'];
    const only = ['decoding', 'grpo-step/XS'];
    expect(parseArguments(args)).toMatchObject({ only, quick: true, force: true });
    expect(() => parseArguments(['--fast'])).toThrow("Unknown option '--fast'");
  });

  it('gives back the command', () => {
    const args = ['--only', 'decoding', '--quick', '--force'];
    expect(parseArguments(args).command).toBe('npm run bench -- --only decoding --quick --force');
    expect(parseArguments([]).command).toBe('npm run bench');
  });

  it('does not write a partial run over the published one', () => {
    expect(parseArguments(['--force']).page).toBe('docs/benchmarks.md');
    expect(parseArguments(['--quick']).page).toBe('runs/bench/benchmarks.md');
    expect(parseArguments(['--only', 'decoding']).json).toBe('runs/bench/results.json');
  });
});

describe('selectRows', () => {
  it('takes a row for all models, or for one', () => {
    expect(selectRows([]).length).toBe(rows.length);
    expect(selectRows(['grpo-memory']).map(({ model }) => model)).toEqual(['XS', 'S', 'M']);
    expect(selectRows(['decoding/S']).map(titleOf)).toEqual([
      'decoding S against PyTorch',
      'decoding S against transformers',
    ]);
  });

  it('refuses an unknown name', () => {
    expect(() => selectRows(['decode'])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: bench: --only is 'decode', expected one of training-step, decoding, grpo-step, grpo-memory, tokenizing, training-step-wasm, loading, prefill, decoding-1, decoding-8, decoding-32, self-bleu, distinct-1, distinct-2, ngram-entropy, logit-entropy, alone or with a model as in decoding/S]`,
    );
  });
});
