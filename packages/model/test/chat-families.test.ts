/** Conversations in the styles of families of models, against transformers; see tools/fixtures/tokenizer/families.py. */
import { type ChatMessage, applyChatTemplate } from '@cfrl/model';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { tokenizerOf } from './tokenizer-fixture.js';

interface Options {
  readonly add_generation_prompt?: boolean;
  readonly continue_final_message?: boolean;
  readonly tools?: readonly Record<string, unknown>[];
  readonly documents?: readonly Record<string, unknown>[];
}

/** Whole numbers that JSON's reader would round stay what they are. */
const withWholes = (text: string): unknown =>
  JSON.parse(text.replace(/(?<=[:[,])\d{17,}(?=[,}\]])/g, '"whole $&"'), (_, value: unknown) =>
    typeof value === 'string' && value.startsWith('whole ') ? BigInt(value.slice(6)) : value,
  );

const fixture = withWholes(
  readFileSync(new URL('fixtures/tokenizer/families.json', import.meta.url), 'utf8'),
) as {
  readonly templates: Readonly<Record<string, string>>;
  readonly chats: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly options: readonly (Options & Readonly<Record<string, unknown>>)[];
  readonly special: { readonly bos_token: string; readonly eos_token: string };
  readonly cases: readonly {
    readonly template: string;
    readonly chat: string;
    readonly options: number;
    readonly text?: string;
    readonly error?: string;
  }[];
};
const tokenizer = { ...tokenizerOf('qwen'), specialTokens: fixture.special };

function render(template: string, chat: string, index: number): string | undefined {
  const {
    add_generation_prompt: addGenerationPrompt = false,
    continue_final_message: continueFinalMessage = false,
    tools,
    documents,
    ...variables
  } = fixture.options[index]!;
  try {
    return applyChatTemplate(tokenizer, fixture.chats[chat]!, {
      addGenerationPrompt,
      continueFinalMessage,
      variables,
      template: fixture.templates[template]!,
      ...(tools && { tools }),
      ...(documents && { documents }),
    }).text;
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('applyChatTemplate: ')) throw error;
    return undefined;
  }
}

it.each(Object.keys(fixture.templates))('%s renders as in transformers', (name) => {
  const cases = fixture.cases.filter(({ template }) => template === name);
  const differ = cases.flatMap(({ chat, options, text }) => {
    const ours = render(name, chat, options);
    return ours === text ? [] : [{ chat, options, text, ours }];
  });
  expect(differ).toEqual([]);
  expect(cases.filter(({ text }) => text !== undefined).length).toBeGreaterThan(20);
});
