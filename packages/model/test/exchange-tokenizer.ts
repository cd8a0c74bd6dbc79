/**
 * The TypeScript side of tools/fixtures/tokenizer/check_load.py, which starts it:
 *
 *     exchange-tokenizer.ts write FOLDER    saves tokenizers there, each with what it makes of texts and a conversation
 *     exchange-tokenizer.ts read FOLDER     loads what Python saved again and compares
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { applyChatTemplate, tokenizerFromFiles } from '@cfrl/model';
import type { PretrainedTokenizer } from '@cfrl/model';
import { loadTokenizer, saveTokenizer } from '@cfrl/model/node';

import { KINDS, readKind, texts } from './tokenizer-fixture.js';

const messages = [
  { role: 'user', content: "it's 12 o'clock" },
  { role: 'assistant', content: 'yes 😀' },
];
const chatTemplate =
  "{% for m in messages %}{{ bos_token + m.role + ':' }}{% generation %}{{ m.content + eos_token }}{% endgeneration %}{% endfor %}";

const results = (tokenizer: PretrainedTokenizer) => ({
  texts: texts.map((text) => {
    const tokens = tokenizer.encode(text, { addSpecialTokens: true, parseSpecialTokens: true });
    return { text, tokens, decoded: tokenizer.decode(tokens) };
  }),
  chat: applyChatTemplate(tokenizer, messages, { assistantMask: true }),
});

async function write(root: string): Promise<void> {
  for (const kind of KINDS) {
    const tokenizer = tokenizerFromFiles({
      tokenizer: readKind(kind).tokenizer,
      config: {
        eos_token: '<|end|>',
        bos_token: '<|both|>',
        additional_special_tokens: ['<more>'],
      },
      chatTemplate,
    });
    await saveTokenizer(join(root, kind), tokenizer);
    writeFileSync(
      join(root, kind, 'results.json'),
      JSON.stringify({ messages, ...results(tokenizer) }),
    );
  }
}

async function read(root: string): Promise<void> {
  for (const kind of KINDS) {
    const expected = JSON.parse(readFileSync(join(root, kind, 'results.json'), 'utf8')) as object;
    const actual = { messages, ...results(await loadTokenizer(join(root, kind))) };
    if (JSON.stringify(actual) !== JSON.stringify(expected)) {
      throw new Error(`${kind}: the tokenizer that Python saved is another`);
    }
  }
}

const [command, folder] = process.argv.slice(2) as [string, string];
await (command === 'write' ? write(folder) : read(folder));
