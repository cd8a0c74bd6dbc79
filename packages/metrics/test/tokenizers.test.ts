import {
  intlTokens,
  mtevalTokens,
  rougeTokens,
  splitAtWhitespace,
  splitCharacters,
  treebankTokens,
} from '@cfrl/metrics';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import fixture from './fixtures/tokenizers.json' with { type: 'json' };

const tokenizers = {
  splitAtWhitespace: [splitAtWhitespace, 'Python'],
  treebankTokens: [treebankTokens, 'NLTK'],
  mtevalTokens: [mtevalTokens, 'sacreBLEU'],
  intlTokens: [intlTokens, 'sacreBLEU'],
  splitCharacters: [splitCharacters, 'sacreBLEU'],
  rougeTokens: [rougeTokens, 'rouge-score'],
} as const;

for (const [name, [tokenize, library]] of Object.entries(tokenizers)) {
  describe(name, () => {
    it(`equals ${library} on ${fixture.cases.length} texts`, () => {
      for (const expected of fixture.cases) {
        expect(tokenize(expected.text), JSON.stringify(expected.text)).toEqual(
          expected[name as keyof typeof tokenizers],
        );
      }
    });

    it('gives no empty token and no whitespace, and does not look at what surrounds a text', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (text) => {
          const tokens = tokenize(text);
          expect(tokens.every((token) => token !== '' && !/[ \n\t]/.test(token))).toBe(true);
          if (name !== 'mtevalTokens' && name !== 'intlTokens' && name !== 'treebankTokens') {
            expect(tokenize(`\n ${text}\t`)).toEqual(tokens);
          }
        }),
      );
    });
  });
}
