import { createReadStream } from 'node:fs';

import type { ChatMessage, Prompt } from '@cfrl/model';
import * as z from 'zod';

/** A prompt of a file, with its completion where the file has one. */
export interface PromptLine {
  readonly prompt: Prompt;
  readonly completion?: string;
}

const Message = z.looseObject({ role: z.string(), content: z.unknown() });
const Chat = z.array(Message).min(1);
const Line = z.looseObject({
  prompt: z.union([z.string().min(1), Chat]).nullish(),
  messages: Chat.nullish(),
});

/** The text of a completion as TRL's datasets have it too, a list of one message. */
function completionOf(where: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  const message =
    Array.isArray(value) && value.length === 1 ? (value[0] as { content?: unknown }) : undefined;
  if (typeof message?.content === 'string' && message.content !== '') return message.content;
  throw new RangeError(
    `${where}: completion is ${JSON.stringify(value).slice(0, 60)}, expected a text or a list of one message`,
  );
}

/** Lines of a text, cut at line feeds alone: JSON may have other separators of lines inside of its strings. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const stream = createReadStream(file, { encoding: 'utf8' });
  try {
    let rest = '';
    for await (const chunk of stream) {
      const lines = (rest + (chunk as string)).split(/\r?\n/);
      rest = lines.pop()!;
      yield* lines;
    }
    yield rest;
  } finally {
    stream.destroy();
  }
}

/** Refuses what is neither JSON lines nor a text: it would be read as prompts without sense. */
function checkFirst(file: string, line: string): void {
  const text = line.trimStart();
  if (text.startsWith('[')) {
    throw new RangeError(
      `explain: ${file} begins with [, expected a JSON object a line; if it is a JSON array, jq -c '.[]' makes lines of it`,
    );
  }
  if (/[\u0000\uFFFD]/.test(line)) {
    throw new RangeError(
      `explain: ${file} is no UTF-8 text, expected a JSON object or a text a line; convert it`,
    );
  }
}

/** Refuses a list that is empty, or that has completions on some lines only. */
export function checkPromptLines(where: string, prompts: readonly PromptLine[]): void {
  if (!Array.isArray(prompts) || prompts.length === 0) {
    throw new RangeError(
      `${where} is empty, expected at least one prompt, a JSON object or a text a line`,
    );
  }
  const given = prompts.filter(({ completion }) => completion !== undefined).length;
  if (given !== 0 && given !== prompts.length) {
    throw new RangeError(
      `${where} has completions on ${given} of ${prompts.length} lines, expected one on every line or on none`,
    );
  }
}

/**
 * Prompts of a file: a JSON object a line with `prompt` (a text or a conversation) or `messages`, and maybe `completion`; a conversation that
 * ends with the assistant's turn has that as its completion. Or, where the first line is no object, a text a line.
 */
export async function readPrompts(file: string, limit: number): Promise<PromptLine[]> {
  const prompts: PromptLine[] = [];
  let number = 0;
  let json: boolean | undefined;
  try {
    for await (const text of linesOf(file)) {
      number += 1;
      const line = number === 1 ? text.replace(/^\uFEFF/, '') : text;
      if (line.trim() === '') continue;
      if (json === undefined) checkFirst(file, line);
      json ??= line.trimStart().startsWith('{');
      prompts.push(json ? parsed(`explain: ${file}, line ${number}`, line) : { prompt: line });
      if (prompts.length === limit) break;
    }
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new Error(
      `explain: ${file} ${code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`}, expected prompts, a JSON object or a text a line; mend its path`,
      { cause: error },
    );
  }
  checkPromptLines(`explain: ${file}`, prompts);
  return prompts;
}

function parsed(where: string, line: string): PromptLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new RangeError(
      `${where} is no JSON (${(error as Error).message}), expected an object with prompt or messages`,
      { cause: error },
    );
  }
  const { data } = Line.safeParse(value);
  const asked = (data?.prompt ?? data?.messages) as string | ChatMessage[] | null | undefined;
  if (asked === null || asked === undefined) {
    const names =
      typeof value === 'object' && value !== null ? Object.keys(value).join(', ') : typeof value;
    throw new RangeError(`${where} has ${names}, expected prompt (a text or messages) or messages`);
  }
  const completion = completionOf(where, data!['completion']);
  const last = typeof asked === 'string' ? undefined : asked.at(-1);
  if (completion !== undefined || last?.role !== 'assistant') {
    return { prompt: asked, ...(completion !== undefined && { completion }) };
  }
  if (asked.length === 1) {
    throw new RangeError(
      `${where} has one message, of the assistant, expected one before it, to which it answers`,
    );
  }
  return { prompt: asked.slice(0, -1) as ChatMessage[], completion: completionOf(where, [last])! };
}
