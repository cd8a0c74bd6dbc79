import { applyChatTemplate, tokenizerFromFiles } from '@cfrl/model';
import type { ChatMessage, ChatOptions, PretrainedTokenizer } from '@cfrl/model';
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { readKind } from './tokenizer-fixture.js';

/** What transformers makes of conversations; see tools/fixtures/tokenizer/chat.py. */
interface ChatFixture {
  readonly templates: Readonly<Record<string, string>>;
  readonly special: readonly string[];
  readonly chats: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly options: readonly Readonly<Record<string, unknown>>[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly cases: readonly {
    readonly template: string;
    readonly chat: string;
    readonly options: number;
    readonly error?: string;
    readonly text?: string;
    readonly encoded?: Readonly<Record<string, { tokens: number[]; mask?: string }>>;
  }[];
  readonly values: readonly {
    readonly template: string;
    readonly text?: string;
    readonly error?: string;
  }[];
}

const fixture = JSON.parse(
  readFileSync(new URL('fixtures/tokenizer/chat.json', import.meta.url), 'utf8'),
) as ChatFixture;

const tokenizers = new Map<string, PretrainedTokenizer>();

function tokenizerFor(kind: string, chatTemplate: string): PretrainedTokenizer {
  const key = kind + chatTemplate;
  const known = tokenizers.get(key);
  if (known) return known;
  const tokenizer = tokenizerFromFiles({
    tokenizer: readKind(kind).tokenizer,
    config: {
      bos_token: '<s>',
      eos_token: '<|end|>',
      additional_special_tokens: fixture.special,
      add_bos_token: false,
    },
    chatTemplate,
  });
  tokenizers.set(key, tokenizer);
  return tokenizer;
}

function optionsOf(index: number): ChatOptions {
  const { tools, add_generation_prompt, continue_final_message, ...variables } = fixture.options[
    index
  ] as {
    readonly tools?: NonNullable<ChatOptions['tools']>;
    readonly add_generation_prompt?: boolean;
    readonly continue_final_message?: boolean;
  };
  return {
    ...(tools && { tools }),
    ...(add_generation_prompt && { addGenerationPrompt: true }),
    ...(continue_final_message && { continueFinalMessage: true }),
    variables,
  };
}

const user: ChatMessage = { role: 'user', content: 'Hi' };
const render = (template: string, options: ChatOptions = {}, messages = [user]): string =>
  applyChatTemplate(tokenizerFor('qwen', template), messages, options).text;

describe.each(Object.keys(fixture.templates))('a template in the style of %s', (name) => {
  const cases = fixture.cases.filter(({ template }) => template === name);
  const source = fixture.templates[name]!;

  it('writes what transformers writes, to the same tokens and masks', () => {
    let masks = 0;
    for (const { chat, options, text, error, encoded } of cases) {
      const messages = fixture.chats[chat]!;
      const at = `${name} ${chat} ${options}`;
      const kinds = Object.entries(encoded ?? {});
      if (error !== undefined) {
        const refused = () =>
          applyChatTemplate(tokenizerFor('qwen', source), messages, optionsOf(options));
        expect(refused, at).toThrow('applyChatTemplate: ');
        continue;
      }
      expect(render(source, optionsOf(options), [...messages]), at).toBe(text);
      for (const [kind, { tokens, mask }] of kinds) {
        const rendered = applyChatTemplate(tokenizerFor(kind, source), messages, {
          ...optionsOf(options),
          ...(mask !== undefined && { assistantMask: true }),
        });
        expect(rendered.tokens, `${at} ${kind}`).toEqual(tokens);
        expect(rendered.assistantMask?.join(''), `${at} ${kind}`).toBe(mask);
        if (mask?.includes('1')) masks++;
      }
    }
    expect(cases.length).toBeGreaterThan(50);
    expect(masks > 4 || name === 'gemma').toBe(true);
  });
});

it.each(fixture.values)('prints $template as Python does', ({ template, text, error }) => {
  const run = () => render(template, { variables: fixture.data });
  if (error !== undefined) expect(run).toThrow('applyChatTemplate: the template fails');
  else expect(run()).toBe(text);
});

describe('assistantMask', () => {
  const source =
    '{% for m in messages %}[{{ m.role }}]{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}';

  it('marks exactly what is generated, for every conversation', () => {
    const message = fc.record({
      role: fc.constantFrom('user', 'assistant'),
      content: fc.string({ unit: 'grapheme', maxLength: 12 }),
    });
    const tokenizer = tokenizerFor('gpt2', source);
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (messages) => {
        const { tokens, assistantMask, text } = applyChatTemplate(tokenizer, messages, {
          assistantMask: true,
        });
        expect(text).toBe(messages.map(({ role, content }) => `[${role}]${content}`).join(''));
        // A token may straddle a border, and then counts: so marked text has all of what was generated.
        const marked = tokenizer.decode(tokens.filter((_, i) => assistantMask![i] === 1));
        const generated = messages.map(({ content }) => content).join('');
        expect(marked.length).toBeGreaterThanOrEqual(generated.length);
      }),
      { numRuns: 60 },
    );
  });

  it('counts a token that begins before what is generated', () => {
    const tokenizer = tokenizerFromFiles({
      tokenizer: {
        model: {
          type: 'BPE',
          vocab: { u: 0, b: 1, ']': 2, '[': 3, ']b': 4, e: 5 },
          merges: ['] b'],
        },
      },
      config: { eos_token: 'e' },
      chatTemplate: source,
    });
    const { tokens, assistantMask } = applyChatTemplate(tokenizer, [{ role: 'u', content: 'bb' }], {
      assistantMask: true,
    });
    expect(tokens).toEqual([3, 0, 4, 1]);
    expect(assistantMask).toEqual([0, 0, 1, 1]);
  });

  it('finds what a macro or a variable holds', () => {
    const within =
      '{% macro m(x) %}<{% generation %}{{ x }}{% endgeneration %}>{% endmacro %}{% set y %}{{ m("ab") }}{% endset %}{{ "." + y }}{{ m("c") }}';
    const { text, tokens, assistantMask } = applyChatTemplate(
      tokenizerFor('gpt4o', within),
      [user],
      {
        assistantMask: true,
      },
    );
    expect(text).toBe('.<ab><c>');
    const marked = tokens.filter((_, i) => assistantMask![i] === 1);
    expect(tokenizerFor('gpt4o', within).decode(marked)).toContain('ab');
  });

  it('is refused where the template does not say', () => {
    expect(() => render('x', { assistantMask: true })).toThrow(
      'assistantMask is set, expected a template with {% generation %}',
    );
    expect(() =>
      render('{% set x %}{% generation %}a{% endgeneration %}{% endset %}{{ x | length }}', {
        assistantMask: true,
      }),
    ).toThrow('it looks at what it has generated');
  });
});

describe('templates', () => {
  it('are chosen by name', () => {
    const tokenizer = tokenizerFromFiles({
      tokenizer: readKind('qwen').tokenizer,
      config: {
        eos_token: '<|end|>',
        chat_template: [
          { name: 'default', template: 'one' },
          { name: 'tool_use', template: 'two' },
        ],
      },
    });
    expect(applyChatTemplate(tokenizer, [user]).text).toBe('one');
    expect(applyChatTemplate(tokenizer, [user], { tools: [{ type: 'function' }] }).text).toBe(
      'two',
    );
    expect(applyChatTemplate(tokenizer, [user], { template: 'tool_use' }).text).toBe('two');
    expect(applyChatTemplate(tokenizer, [user], { template: '{{ 1 }}' }).text).toBe('1');
    const none = tokenizerFromFiles({
      tokenizer: readKind('qwen').tokenizer,
      config: { eos_token: '<|end|>' },
    });
    expect(() => applyChatTemplate(none, [user])).toThrow('the tokenizer has no chat template');
  });

  it('know no date but the one that they are given', () => {
    const source = "{{ strftime_now('%d %b %Y, %A %H:%M') }}";
    expect(render(source, { date: new Date(2024, 4, 7, 8, 9) })).toBe('07 May 2024, Tuesday 08:09');
    expect(() => render(source)).toThrow('it asks for the date; pass `date`');
  });

  it('may refuse a conversation', () => {
    expect(() => render("{{ raise_exception('no ' + messages[0].role) }}")).toThrow(
      'applyChatTemplate: the template refuses: no user',
    );
  });

  it.each([
    ['{{ messages', 'the template fails'],
    ['{% if true %}', 'the template fails at line 1: it ends too early'],
    ['{% unknown %}', 'the template fails'],
    ['{{ ["a"] + "b" }}', "unsupported operand types for +: 'list' and 'str'"],
    ['{{ missing.field }}', "'missing' is undefined"],
    ['{% for x in 3 %}{% endfor %}', 'it loops over 3'],
    ['{% for a, b in [[1]] %}{% endfor %}', 'it unpacks 1 values to 2 names'],
    ['{{ missing | tojson }}', 'it writes what is undefined as JSON'],
    ['{% generation %}', 'the template fails'],
  ])('that are wrong say so: %s', (source, message) => {
    expect(() => render(source)).toThrow(message);
  });

  it.each([
    ['{{ range(1000000000) | length }}', 'it asks for a range of 1000000000'],
    [
      '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}',
      'evaluations',
    ],
    [
      '{% set ns = namespace(x="ab") %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}',
      'characters',
    ],
    [
      '{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}',
      'items',
    ],
    ['{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', 'the template fails'],
    ['{{ "x" | indent(999999999) }}', 'it indents by 999999999'],
    ['{% filter indent(999999999) %}x{% endfilter %}', 'it indents by 999999999'],
    ['{{ messages | tojson(indent=999999999) }}', 'it indents by 999999999'],
    [
      '{% set ns = namespace(x="ab") %}{% for i in range(20) %}{% set ns.x = ns.x.replace("b", ns.x ~ ns.x) %}{% endfor %}',
      'characters',
    ],
    ['{{'.repeat(600_000), 'it is longer than 1048576 characters'],
  ])('that would take for ever or fill the memory are stopped: %s', (source, message) => {
    const start = performance.now();
    expect(() => render(source)).toThrow(message);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it.each([
    '{{ messages.constructor }}',
    '{{ messages[0].__proto__ }}',
    "{{ messages[0]['constructor']['constructor']('return 1')() }}",
    "{{ ''.constructor }}",
    '{{ (1).constructor }}',
    '{{ range.constructor("return process")() }}',
    '{{ raise_exception.call }}',
    '{{ cycler }}{{ lipsum.__globals__ }}',
    '{{ namespace.constructor }}',
    '{{ process }}{{ globalThis }}{{ require }}{{ self }}',
  ])('reach nothing of JavaScript: %s', (source) => {
    let text: string;
    try {
      text = render(source);
    } catch (error) {
      expect((error as Error).message).toContain('applyChatTemplate: the template fails');
      return;
    }
    expect(text).toBe('');
  });

  it('are given whole numbers of any size, with and without a mask', () => {
    const arguments_ = { id: 12345678901234567890n };
    const messages = [{ role: 'a', content: 'x', arguments_ }];
    const template =
      '{% for m in messages %}{% generation %}{{ m.arguments_ | tojson }}{% endgeneration %}{% endfor %}';
    const tokenizer = tokenizerFor('qwen', template);
    const { text, assistantMask } = applyChatTemplate(tokenizer, messages, { assistantMask: true });
    expect(text).toBe('{"id": 12345678901234567890}');
    expect(assistantMask).not.toContain(0);
    expect(() => applyChatTemplate(tokenizer, [{ arguments_ }] as never)).toThrow(
      'applyChatTemplate: messages[0] is {"arguments_":{"id":"12345678901234567890"}}, expected a record with a role',
    );
  });

  it('keep the order of a Map, and refuse what would be read as an empty record', () => {
    const tokenizer = tokenizerFor('qwen', '{{ messages[0].v | tojson }}');
    const render = (v: unknown): string =>
      applyChatTemplate(tokenizer, [{ role: 'a', v: [v] }]).text;
    expect(render(new Map<string, unknown>([...Object.entries({ b: 1 }), ['1', new Map()]]))).toBe(
      '[{"b": 1, "1": {}}]',
    );
    expect(
      render(
        new (class Call {
          name = 'f';
        })(),
      ),
    ).toBe('[{"name": "f"}]');
    for (const [value, what] of [
      [new Date(0), 'a Date'],
      [new Set([1]), 'a Set'],
      [new Uint8Array(3), 'a Uint8Array'],
      [Promise.resolve(1), 'a Promise'],
      [new Map([[1, 2]]), 'a Map with a key of number'],
    ] as const) {
      expect(() => render(value)).toThrow(
        `applyChatTemplate: messages[0].v[0] is ${what}, expected`,
      );
    }
  });

  it('are given plain data', () => {
    const bad = { role: 'user', content: 'x', call: () => 'called' };
    expect(() => render('{{ messages[0].call() }}', {}, [bad])).toThrow(
      'applyChatTemplate: messages[0].call is a function, expected plain data',
    );
    const loop: Record<string, unknown> = { role: 'user' };
    loop['self'] = loop;
    expect(() => render('x', {}, [loop as ChatMessage])).toThrow('nested more than 100 deep');
  });
});

describe('bad input', () => {
  it('is a conversation that is none', () => {
    expect(() => render('x', {}, [])).toThrow('applyChatTemplate: messages is empty');
    expect(() => render('x', {}, [{} as ChatMessage])).toThrow(
      'applyChatTemplate: messages[0] is {}, expected a record with a role',
    );
  });

  it('is a last message that cannot be continued', () => {
    const source = '{{ messages[0].content }}';
    expect(render(source, { continueFinalMessage: true })).toBe('Hi');
    expect(() => render(source, { continueFinalMessage: true, addGenerationPrompt: true })).toThrow(
      'continueFinalMessage is set together with addGenerationPrompt',
    );
    expect(() => render('{{ "content" }}', { continueFinalMessage: true })).toThrow(
      'the template changes it',
    );
    expect(() => render('x', { continueFinalMessage: true })).toThrow('the template reads');
    expect(() => render(source, { continueFinalMessage: true }, [{ role: 'user' }])).toThrow(
      'expected a field that the last message has',
    );
  });

  it('leaves the messages as they are', () => {
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'a' }] }];
    const before = JSON.stringify(messages);
    render('{{ messages[0].content[0].text }}', { continueFinalMessage: true }, messages);
    expect(JSON.stringify(messages)).toBe(before);
  });
});
