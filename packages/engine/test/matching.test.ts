import { matching, selectParams, type NameSelection, type Params } from '@cfrl/engine';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const names = [
  'model.embed_tokens.weight',
  'model.layers.0.self_attn.q_proj.weight',
  'model.layers.0.mlp.up_proj.weight',
  'model.layers.10.mlp.up_proj.weight',
  'model.layers.10.mlp.up_proj.bias',
  'lm_head.weight',
];
const selected = (selection: NameSelection): number[] => {
  const params = Object.fromEntries(names.map((name) => [name, null])) as unknown as Params;
  const kept = Object.keys(selectParams(params, matching(params, selection)));
  return kept.map((name) => names.indexOf(name));
};

describe('matching', () => {
  it.each<[NameSelection, number[]]>([
    ['lm_head.weight', [5]],
    ['**', [0, 1, 2, 3, 4, 5]],
    ['*.weight', [5]],
    ['**.weight', [0, 1, 2, 3, 5]],
    ['model.layers.*.mlp.**', [2, 3, 4]],
    ['model.layers.?.**', [1, 2]],
    [
      ['**', '!model.embed_tokens.*'],
      [1, 2, 3, 4, 5],
    ],
    [
      ['model.layers.**', '!**.bias', 'lm_head.*'],
      [1, 2, 3, 5],
    ],
    [['!**', '**.bias'], [4]],
    [(name) => name.includes('attn'), [1]],
    [
      ['lm_head.*', (name) => name.includes('attn')],
      [1, 5],
    ],
  ])('%j selects what it says', (selection, expected) => {
    expect(selected(selection)).toEqual(expected);
  });

  it('takes every character but the wildcards as itself', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (name, other) => {
        fc.pre(!/[*?!]/.test(name) && name !== other);
        const params = { [name]: null, [other]: null } as unknown as Params;
        const matches = matching(params, name);
        expect([matches(name), matches(other)]).toEqual([true, false]);
      }),
    );
  });

  it('refuses what applies to nothing, and an empty selection', () => {
    const all = names.join(', ');
    expect(() => selected(['**', 'lm_haed.*'])).toThrow(
      `matching: 'lm_haed.*' applies to no name, expected some of ${all}`,
    );
    expect(() => selected(() => false)).toThrow('matching: a predicate applies to no name');
    expect(() => selected(['lm_head.*', '!lm_head.*'])).toThrow(
      'matching: selection leaves nothing',
    );
    expect(() => selected([])).toThrow('matching: selection leaves nothing');
  });
});
