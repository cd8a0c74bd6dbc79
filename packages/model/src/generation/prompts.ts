import { checkOptions, checkPositiveInteger } from '@cfrl/engine';

import { type ChatMessage, type ChatOptions, applyChatTemplate } from '../chat/apply.js';
import type { ModelConfig } from '../config/types.js';
import type { PretrainedTokenizer } from '../tokenizer/pretrained.js';
import type { Tokenizer } from '../tokenizer/types.js';
import type { LanguageModel } from './language-model.js';

/** A conversation with what its template is given besides. */
export interface ChatPrompt extends Pick<
  ChatOptions,
  'tools' | 'documents' | 'template' | 'variables' | 'date'
> {
  readonly messages: readonly ChatMessage[];
}

/**
 * What is completed: a text, which gets the special tokens that its tokenizer begins texts with; tokens, as they are; or a
 * conversation, by the tokenizer's chat template, which ends where the assistant's message begins.
 */
export type Prompt = string | readonly number[] | readonly ChatMessage[] | ChatPrompt;

/** A prompt as people read it, and as the model does. */
export interface EncodedPrompt {
  readonly text: string;
  readonly tokens: readonly number[];
}

const CHAT = ['messages', 'tools', 'documents', 'template', 'variables', 'date'] as const;

function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { name } = (value.constructor ?? Object) as { readonly name: string };
  const keys = Object.keys(value);
  return name === 'Object' ? `a record of ${keys.join(', ') || 'nothing'}` : `of type ${name}`;
}

function kindOf(where: string, prompt: unknown): 'text' | 'tokens' | 'chat' {
  if (typeof prompt === 'string') return 'text';
  if (Array.isArray(prompt)) {
    const isMessage = (each: unknown): boolean => typeof each === 'object' && each !== null;
    const text = prompt.findIndex((each) => typeof each === 'string');
    if (text >= 0) {
      throw new TypeError(
        `${where}[${text}] is a text, expected a token or a message; a list of texts is several prompts, not one`,
      );
    }
    return prompt.some(isMessage) ? 'chat' : 'tokens';
  }
  if (Array.isArray((prompt as { messages?: unknown } | null)?.messages)) return 'chat';
  const rendered = Array.isArray((prompt as { tokens?: unknown } | null)?.tokens);
  throw new TypeError(
    `${where} is ${shown(prompt)}, expected a text, a list of tokens, or messages; ` +
      (rendered ? 'pass its tokens' : 'prompts is a list of those'),
  );
}

/** Whether special tokens in a text can be told from its characters. */
const readsSpecialTokens = (tokenizer: Tokenizer): tokenizer is PretrainedTokenizer =>
  'specialTokens' in tokenizer;

function readChat(
  where: string,
  tokenizer: Tokenizer,
  prompt: readonly ChatMessage[] | ChatPrompt,
): EncodedPrompt {
  const { messages, ...options } = 'messages' in prompt ? prompt : { messages: prompt };
  checkOptions(where, { messages, ...options }, CHAT);
  if (!readsSpecialTokens(tokenizer)) {
    throw new RangeError(
      `${where} is a conversation, expected a text or tokens: the tokenizer reads no special tokens; make it with tokenizerFromFiles({ tokenizer: tokenizer.toJSON(), config, chatTemplate })`,
    );
  }
  if (options.template === undefined && tokenizer.chatTemplate === undefined) {
    throw new RangeError(
      `${where} is a conversation, expected a text or tokens: the tokenizer has no chat template; pass { messages, template }, or load the model that was tuned for conversations`,
    );
  }
  return applyChatTemplate(tokenizer, messages, { ...options, addGenerationPrompt: true });
}

/** Runs what reads a prompt, and says which in its errors. */
function located<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error) || error.message.startsWith(where)) throw error;
    const Kind = error instanceof TypeError ? TypeError : RangeError;
    throw new Kind(`${where}: ${error.message}`, { cause: error });
  }
}

function checkRows(
  where: string,
  tokens: readonly number[],
  rows: number,
  tokenizer: Tokenizer,
): void {
  const i = tokens.findIndex((token) => !(Number.isInteger(token) && token >= 0 && token < rows));
  if (i < 0) return;
  const token = tokens[i]!;
  const text = (tokenizer as Partial<PretrainedTokenizer>).tokenText?.(token);
  const named = text === undefined ? '' : ` (${JSON.stringify(text)})`;
  const over =
    Number.isInteger(token) && token >= rows && token < tokenizer.vocabSize
      ? `; the tokenizer has ${tokenizer.vocabSize} tokens, more than the model's embedding has rows (vocabSize)`
      : '';
  throw new RangeError(
    `${where}[${i}] is ${token}${named}, expected a token in [0, ${rows})${over}`,
  );
}

/** Keys in a cache were turned by the factors of their length: a completion must not change them. */
function checkTurning(
  { ropeScaling }: ModelConfig,
  where: string,
  length: number,
  maxNewTokens: number,
): void {
  if (ropeScaling?.type !== 'longrope') return;
  const { originalPositions: short } = ropeScaling;
  if (length <= short && length + maxNewTokens - 1 > short) {
    throw new RangeError(
      `${where} has ${length} tokens and ${maxNewTokens} may follow, expected at most ${short} read in all, or more in the prompt already: longrope turns by other factors past ${short}; lower maxNewTokens to ${short - length + 1}`,
    );
  }
}

export function encodePrompt(
  where: string,
  { config, tokenizer }: Pick<LanguageModel, 'config' | 'tokenizer'>,
  prompt: Prompt,
  maxNewTokens: number,
): EncodedPrompt {
  const rows = config.vocabSize;
  const kind = kindOf(where, prompt);
  if (kind === 'tokens') checkRows(where, prompt as readonly number[], rows, tokenizer);
  const encoded = located(where, (): EncodedPrompt => {
    if (kind === 'chat') {
      return readChat(where, tokenizer, prompt as readonly ChatMessage[] | ChatPrompt);
    }
    if (kind === 'tokens') {
      const tokens = [...(prompt as readonly number[])];
      return { text: tokenizer.decode(tokens), tokens };
    }
    // As the model's texts begin: a Llama that does not see its start token writes something else.
    const text = prompt as string;
    return { text, tokens: tokenizer.encode(text, { addSpecialTokens: true }) };
  });
  const { length } = encoded.tokens;
  if (length === 0) throw new RangeError(`${where} is empty, expected at least one token`);
  checkRows(where, encoded.tokens, rows, tokenizer);
  if (length <= config.maxPositions && maxNewTokens >= config.maxPositions) {
    throw new RangeError(
      `${where} has ${length} tokens and maxNewTokens is ${maxNewTokens}, expected at most ${config.maxPositions} in all (maxPositions); lower maxNewTokens to ${config.maxPositions - length}`,
    );
  }
  if (length + maxNewTokens > config.maxPositions) {
    throw new RangeError(
      `${where} has ${length} tokens, expected at most ${config.maxPositions - maxNewTokens} (maxPositions ${config.maxPositions} - maxNewTokens ${maxNewTokens})`,
    );
  }
  checkTurning(config, where, length, maxNewTokens);
  return encoded;
}

export function checkPromptList(where: string, prompts: unknown): void {
  if (Array.isArray(prompts)) return;
  throw new TypeError(
    `${where}: prompts is ${typeof prompts}, expected a list of prompts; put a single one in brackets`,
  );
}

/**
 * Prompts as `generate` reads them: texts with the special tokens that their tokenizer begins texts with, conversations by the chat
 * template, in which special tokens are read and none is added a second time.
 *
 * @param model - its tokenizer and configuration are used
 * @param prompts - texts, tokens or conversations
 * @param maxNewTokens - tokens that are to follow each
 * @param where - the function that messages speak of
 * @returns text and tokens of each prompt; of a conversation, the text that the template makes
 * @throws RangeError or TypeError for the first prompt that cannot be completed, with its index: empty, too long, no prompt, with tokens
 *   that the model does not have, or a conversation for a tokenizer without a template
 *
 * @example
 * ```ts
 * const tokenizer = charTokenizer('ab');
 * const config = modelConfig({
 *   architecture: 'gpt2', vocabSize: 4, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
 * });
 * encodePrompts({ config, tokenizer }, ['ab', [1]], 4); // => [{ text: "ab", tokens: [0, 1] }, { text: "b", tokens: [1] }]
 * ```
 */
export function encodePrompts(
  model: Pick<LanguageModel, 'config' | 'tokenizer'>,
  prompts: readonly Prompt[],
  maxNewTokens: number,
  where = 'encodePrompts',
): EncodedPrompt[] {
  checkPromptList(where, prompts);
  checkPositiveInteger(`${where}: maxNewTokens`, maxNewTokens);
  return prompts.map((prompt, p) =>
    encodePrompt(`${where}: prompts[${p}]`, model, prompt, maxNewTokens),
  );
}
