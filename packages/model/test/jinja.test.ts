/** Chat templates against Python's Jinja, as transformers sets it up; see tools/fixtures/tokenizer/jinja_values.py. */
import { applyChatTemplate } from '@cfrl/model';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { tokenizerOf } from './tokenizer-fixture.js';

interface Case {
  readonly template: string;
  readonly text?: string;
  /** The name of Python's error. */
  readonly error?: string;
  readonly message?: string;
  /** Of an error of syntax. */
  readonly line?: number;
  /** What Python prints has an address of its memory. */
  readonly unspellable?: true;
}

const fixture = JSON.parse(
  readFileSync(new URL('fixtures/tokenizer/jinja_values.json', import.meta.url), 'utf8'),
) as { readonly data: Readonly<Record<string, unknown>>; readonly cases: readonly Case[] };

const { messages, ...data } = fixture.data as { readonly messages: { readonly role: string }[] };
/** JSON's reader has no whole numbers of this size. */
const variables = { ...data, big: 9007199254740993n };
const tokenizer = tokenizerOf('qwen');

function render(template: string): { text: string } | { error: string } {
  try {
    return { text: applyChatTemplate(tokenizer, messages, { template, variables }).text };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

it('thousands of templates render as in Python, or fail where it fails', () => {
  const differ = fixture.cases.flatMap((each) => {
    const ours = render(each.template);
    const right =
      each.text !== undefined
        ? 'text' in ours && ours.text === each.text
        : each.unspellable === true || 'error' in ours;
    return right ? [] : [{ ...each, ours }];
  });
  expect(differ).toEqual([]);
  expect(fixture.cases.length).toBeGreaterThan(4000);
});
