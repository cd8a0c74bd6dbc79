import type { ChatTemplate, PretrainedTokenizer } from '../tokenizer/pretrained.js';
import { TemplateRefusal } from './jinja/globals.js';
import { TemplateError } from './jinja/lexer.js';
import { type Marks, type Template, readTemplate, renderTemplate } from './render-template.js';

/** A message of a conversation. Templates read other fields too, such as `tool_calls`. */
export interface ChatMessage {
  readonly role: string;
  /** A text, or its parts. */
  readonly content?: string | readonly Readonly<Record<string, unknown>>[] | null;
  readonly [field: string]: unknown;
}

/** Options of {@link applyChatTemplate}. */
export interface ChatOptions {
  /** JSON schemas of functions that the model may call. */
  readonly tools?: readonly Readonly<Record<string, unknown>>[];
  /** For templates that retrieve. */
  readonly documents?: readonly Readonly<Record<string, unknown>>[];
  /** Ends with the beginning of an assistant's message. @defaultValue false */
  readonly addGenerationPrompt?: boolean;
  /** Leaves the last message open, for the model to go on; or the field of it that is continued. @defaultValue false */
  readonly continueFinalMessage?: boolean | string;
  /** Marks the tokens of the assistant, where the template says which they are. @defaultValue false */
  readonly assistantMask?: boolean;
  /** A template, or the name of one of the tokenizer's. @defaultValue the tokenizer's */
  readonly template?: string;
  /** More variables of the template, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** The date that templates may tell; they read no clock. */
  readonly date?: Date;
}

/** A conversation as a model reads it. */
export interface RenderedChat {
  readonly text: string;
  readonly tokens: number[];
  /** 1 for tokens that the assistant generates; set if it was asked for. */
  readonly assistantMask?: number[];
}

const TAG = 'CONTINUE_FINAL_MESSAGE_TAG ';
const REASONING = ['reasoning_content', 'thinking', 'reasoning'] as const;

type Fields = Record<string, unknown>;

/** A copy made of JSON's kinds of values: a template gets nothing that it could call. */
function plainData(where: string, value: unknown, depth = 0): unknown {
  if (depth > 100)
    throw new RangeError(`${where} is nested more than 100 deep, expected plain data`);
  if (value === null || !['object', 'function', 'symbol'].includes(typeof value)) return value;
  if (Array.isArray(value))
    return value.map((each, i) => plainData(`${where}[${i}]`, each, depth + 1));
  if (value instanceof Map) {
    // A Map keeps the order of its keys; a record moves those that are whole numbers to the front.
    return new Map(
      Array.from(value, ([key, each]): [string, unknown] => {
        if (typeof key !== 'string') {
          throw new TypeError(`${where} is a Map with a key of ${typeof key}, expected texts`);
        }
        return [key, plainData(`${where}.${key}`, each, depth + 1)];
      }),
    );
  }
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind === 'Object') {
    return Object.fromEntries(
      Object.entries(value as object)
        .filter(([, each]) => each !== undefined)
        .map(([key, each]) => [key, plainData(`${where}.${key}`, each, depth + 1)]),
    );
  }
  throw new TypeError(
    `${where} is a ${typeof value === 'object' ? kind : typeof value}, expected plain data: texts, numbers, lists and records`,
  );
}

/** Plain data as a text; JSON has no whole numbers of any size. */
const written = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint' ? String(each) : each instanceof Map ? Array.from(each) : each,
  );

/** Messages without empty fields, and with the reasoning under each name that templates read. */
function plainMessages(messages: readonly ChatMessage[]): Fields[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new RangeError('applyChatTemplate: messages is empty, expected at least one');
  }
  return messages.map((message: ChatMessage, i) => {
    const where = `applyChatTemplate: messages[${i}]`;
    if (typeof message !== 'object' || message === null || typeof message.role !== 'string') {
      throw new TypeError(`${where} is ${written(message)}, expected a record with a role`);
    }
    const fields = Object.entries(plainData(where, message) as Fields).filter(
      ([, value]) => value !== null,
    );
    const plain: Fields = Object.fromEntries(fields);
    const reasoning = REASONING.map((name) => plain[name]).find((value) => value !== undefined);
    return reasoning === undefined
      ? plain
      : { thinking: reasoning, ...plain, reasoning_content: reasoning };
  });
}

function chooseTemplate(
  template: ChatTemplate | undefined,
  chosen: string | undefined,
  tools: boolean,
): string {
  if (typeof template === 'object') {
    const named = (name: string): string | undefined =>
      Object.hasOwn(template, name) ? template[name] : undefined;
    if (chosen !== undefined) return named(chosen) ?? chosen;
    const source = (tools ? named('tool_use') : undefined) ?? named('default');
    if (source !== undefined) return source;
    throw new RangeError(
      `applyChatTemplate: template is not given, expected one of ${Object.keys(template).join(', ')}; none is the default`,
    );
  }
  const source = chosen ?? template;
  if (source === undefined) {
    throw new RangeError(
      'applyChatTemplate: the tokenizer has no chat template, expected one; pass `template`',
    );
  }
  return source;
}

const read = new Map<string, Template>();

/** Templates are read once; the last few are kept. */
function templateOf(source: string): Template {
  const known = read.get(source);
  if (known !== undefined) return known;
  const template = guarded(() => readTemplate(source));
  if (read.size >= 16) read.clear();
  read.set(source, template);
  return template;
}

/** Names the function, and the line of the template, in an error of a template. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const where = error instanceof TemplateError ? ` at line ${error.line}` : '';
    const what = error.cause instanceof TemplateRefusal ? 'refuses' : `fails${where}`;
    throw new RangeError(`applyChatTemplate: the template ${what}: ${error.message}`, {
      cause: error,
    });
  }
}

/** Tags the end of the last message, and returns its text. */
function tagFinalMessage(messages: Fields[], field: string, source: string): string {
  const where = 'applyChatTemplate: continueFinalMessage';
  const final = messages.at(-1)!;
  const content = final[field];
  const names = (REASONING as readonly string[]).includes(field)
    ? REASONING.filter((name) => final[name] === content)
    : [field];
  if (content === undefined || !names.some((name) => source.includes(name))) {
    throw new RangeError(
      `${where} is of ${JSON.stringify(field)}, expected a field that the last message has and the template reads`,
    );
  }
  if (typeof content === 'string') {
    for (const name of names) final[name] = content + TAG;
    return content;
  }
  const parts = (Array.isArray(content) ? content : []) as ({ text?: unknown } | null)[];
  const part = parts.findLast((each) => typeof each?.text === 'string');
  if (!part) {
    throw new RangeError(`${where} is set, expected a text in the last message`);
  }
  const text = part.text as string;
  part.text = text + TAG;
  return text;
}

/** Cuts a conversation where its last message ends. */
function cutAfter(text: string, final: string): string {
  const at = text.lastIndexOf(TAG.trim());
  if (at < 0 || !text.includes(final.trim())) {
    throw new RangeError(
      'applyChatTemplate: continueFinalMessage is set, expected the last message in the rendered conversation; the template changes it',
    );
  }
  // A template that trims messages also trims the tag's space and the spaces before it.
  return text.startsWith(TAG, at) ? text.slice(0, at) : text.slice(0, at).trimEnd();
}

/** Two characters that occur nowhere in what a template is given. */
function unusedMarks(...given: readonly string[]): Marks {
  const used = new Set(given.join(''));
  const free: string[] = [];
  for (let code = 0xf0000; free.length < 2; code++) {
    const character = String.fromCodePoint(code);
    if (!used.has(character)) free.push(character);
  }
  return free as unknown as Marks;
}

type Span = readonly [start: number, end: number];

/** The stretches between marks, and the text without them. */
function readMarks(marked: string, [open, close]: Marks): { text: string; spans: Span[] } {
  const spans: Span[] = [];
  let text = '';
  let start = 0;
  for (const part of marked.split(new RegExp(`([${open}${close}])`, 'u'))) {
    if (part === open) start = text.length;
    else if (part === close) spans.push([start, text.length]);
    else text += part;
  }
  return { text, spans };
}

/** 1 for tokens that overlap a stretch. */
const maskOf = (offsets: readonly Span[], spans: readonly Span[]): number[] => {
  let span = 0;
  return offsets.map(([start, end]) => {
    while (span < spans.length && start >= spans[span]![1]) span++;
    return span < spans.length && end > spans[span]![0] ? 1 : 0;
  });
};

/**
 * Writes a conversation as a model was trained to read it, by its Jinja template, as transformers'
 * `apply_chat_template` does. Special tokens are what the template and the messages write: a message that holds
 * `<|im_end|>` ends there.
 *
 * A template is untrusted: it reaches only the values that it is given, and what it may compute is bounded.
 *
 * @param tokenizer - its template is used, and its special tokens are variables of it
 * @param messages - the conversation; borrowed
 * @returns text and tokens, and the training mask of the assistant's tokens if it was asked for
 * @throws RangeError if there is no template, if it fails or refuses the conversation, or if it does not say what the
 *   assistant generates though `assistantMask` asks; TypeError if a message is not plain data
 * @see https://huggingface.co/docs/transformers/chat_templating
 *
 * @example
 * ```ts
 * const vocab = { a: 0, b: 1, ':': 2, '<e>': 3 };
 * const tokenizer = tokenizerFromFiles({
 *   tokenizer: { model: { type: 'BPE', vocab, merges: [] } },
 *   config: { eos_token: '<e>' },
 *   chatTemplate: '{% for m in messages %}{{ m.role + ":" }}{% generation %}{{ m.content + eos_token }}{% endgeneration %}{% endfor %}',
 * });
 * const chat = applyChatTemplate(tokenizer, [{ role: 'a', content: 'bb' }], { assistantMask: true });
 * chat.text; // => "a:bb<e>"
 * chat.assistantMask; // => [0, 0, 1, 1, 1]
 * ```
 */
export function applyChatTemplate(
  tokenizer: PretrainedTokenizer,
  messages: readonly ChatMessage[],
  options: ChatOptions = {},
): RenderedChat {
  const {
    addGenerationPrompt = false,
    continueFinalMessage = false,
    assistantMask = false,
  } = options;
  if (continueFinalMessage !== false && (addGenerationPrompt || assistantMask)) {
    throw new RangeError(
      `applyChatTemplate: continueFinalMessage is set together with ${addGenerationPrompt ? 'addGenerationPrompt' : 'assistantMask'}, expected one of them`,
    );
  }
  if (typeof tokenizer !== 'object' || tokenizer === null) {
    throw new TypeError(
      `applyChatTemplate: tokenizer is ${String(tokenizer)}, expected one that loadPretrained or loadTokenizer gives`,
    );
  }
  if (options.template !== undefined && typeof options.template !== 'string') {
    throw new TypeError(
      `applyChatTemplate: template is ${typeof options.template}, expected a text: a template, or the name of one of the tokenizer's`,
    );
  }
  const chat = plainMessages(messages);
  const source = chooseTemplate(
    tokenizer.chatTemplate,
    options.template,
    options.tools !== undefined,
  );
  const template = templateOf(source);
  const field = typeof continueFinalMessage === 'string' ? continueFinalMessage : 'content';
  const final = continueFinalMessage === false ? undefined : tagFinalMessage(chat, field, source);
  const variables = plainData('applyChatTemplate: options', {
    ...tokenizer.specialTokens,
    ...options.variables,
    tools: options.tools ?? null,
    documents: options.documents ?? null,
    add_generation_prompt: addGenerationPrompt,
  }) as Fields;
  variables['messages'] = chat;
  const parse = { parseSpecialTokens: true };
  const render = (marks?: Marks): string =>
    guarded(() => renderTemplate(template, variables, options.date, marks));

  if (!assistantMask) {
    const text = final === undefined ? render() : cutAfter(render(), final);
    return { text, tokens: tokenizer.encode(text, parse) };
  }
  if (!template.generates) {
    throw new RangeError(
      'applyChatTemplate: assistantMask is set, expected a template with {% generation %} around what the assistant generates',
    );
  }
  const text = render();
  const marks = unusedMarks(text, source, written(variables));
  const marked = readMarks(render(marks), marks);
  if (marked.text !== text) {
    throw new RangeError(
      'applyChatTemplate: assistantMask is set, expected a template that writes the same with marks; it looks at what it has generated',
    );
  }
  const { tokens, offsets } = tokenizer.encodeWithOffsets(text, parse);
  return { text, tokens, assistantMask: maskOf(offsets, marked.spans) };
}
