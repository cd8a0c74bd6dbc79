import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';

import type { ChatMessage, Prompt } from '@cfrl/model';
import * as z from 'zod';

/** A prompt of a file, with its completion where the file has one. */
export interface PromptLine {
  readonly prompt: Prompt;
  readonly completion?: string;
}

const Message = z.looseObject({ role: z.string(), content: z.unknown() });
const Line = z.union([
  z.looseObject({
    prompt: z.union([z.string().min(1), z.array(Message).min(1)]),
    completion: z.unknown().optional(),
  }),
  z.looseObject({ messages: z.array(Message).min(1), completion: z.unknown().optional() }),
]);

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

/**
 * Prompts of a file: a JSON object a line with `prompt` (a text or a conversation) or `messages`, and maybe `completion`; or, where the first
 * line is no object, a text a line.
 */
export async function readPrompts(file: string, limit: number): Promise<PromptLine[]> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  const prompts: PromptLine[] = [];
  let number = 0;
  let json: boolean | undefined;
  try {
    for await (const text of lines) {
      number += 1;
      const line = number === 1 ? text.replace(/^\uFEFF/, '') : text;
      if (line.trim() === '') continue;
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
  } finally {
    lines.close();
  }
  if (prompts.length === 0) {
    throw new RangeError(
      `explain: ${file} is empty, expected at least one prompt, a JSON object or a text a line`,
    );
  }
  const given = prompts.filter(({ completion }) => completion !== undefined).length;
  if (given !== 0 && given !== prompts.length) {
    throw new RangeError(
      `explain: ${file} has completions on ${given} of ${prompts.length} lines, expected one on every line or on none`,
    );
  }
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
  const result = Line.safeParse(value);
  if (!result.success) {
    const names =
      typeof value === 'object' && value !== null ? Object.keys(value).join(', ') : typeof value;
    throw new RangeError(`${where} has ${names}, expected prompt (a text or messages) or messages`);
  }
  const completion = completionOf(where, result.data.completion);
  const prompt = ('messages' in result.data ? result.data.messages : result.data.prompt) as
    string | ChatMessage[];
  return { prompt, ...(completion !== undefined && { completion }) };
}
