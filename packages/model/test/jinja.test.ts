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
}, 240_000);

it('errors of syntax are at the line that Python says', () => {
  const source = '{% if true %}\n\n  {{ messages | nothing }}\n{% endif %}\n{{ x | unknown }}';
  expect(render(source)).toEqual({
    error: "applyChatTemplate: the template fails at line 5: No filter named 'unknown'.",
  });
  const elsewhere = fixture.cases
    .filter(({ line }) => line !== undefined)
    .flatMap(({ template, line }) => {
      const ours = render(`\n\n${template}`);
      const right = 'error' in ours && ours.error.includes(`fails at line ${line! + 2}: `);
      return right ? [] : [{ template, line, ours }];
    });
  expect(elsewhere).toEqual([]);
});

it.each([
  ['a\n{{ x.y }}\n{{ nowhere.b }}', "fails at line 3: 'nowhere' is undefined"],
  ['{{ d.zz.yy }}', "fails at line 1: 'dict object' has no attribute 'zz'"],
  ['\r\n\r{{ 1 + "a" }}', "fails at line 3: unsupported operand types for +: 'int' and 'str'"],
  ['{% if false %}{{ 1 | zz }}{% else %}\n{{ 1 | zz }}{% endif %}', "line 2: No filter named 'zz'"],
  ['{% macro m() %}\n{{ q() }}{% endmacro %}\n\n{{ m() }}', "fails at line 2: 'q' is undefined"],
  ['{{ xs.append(1) }}', "access to attribute 'append' of 'list' object is unsafe"],
  ['{{ 1 / 0 }}', 'fails at line 1: division by zero'],
])('errors say where and what: %j', (template, message) => {
  const ours = render(template);
  expect('error' in ours ? ours.error : ours.text).toContain(message);
});

it.each([
  '{{ 10 ** 1000000 }}',
  '{% set ns = namespace(a=7) %}{% for q in range(99) %}{% set ns.a = ns.a * ns.a %}{% endfor %}',
  '{% set ns = namespace(a=[1]) %}{% for q in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}',
  '{% set ns = namespace(a=(1,)) %}{% for q in range(99) %}{% set ns.a = (ns.a, ns.a) %}{% endfor %}{{ {ns.a: 1} }}',
  '{% set ns = namespace(a=[1]) %}{% for q in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a == ns.a + [] }}{{ ns.a | tojson }}',
  '{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}',
  '{{ "x" * 10 ** 12 }}',
  '{{ "%999999999d" % 1 }}',
  '{{ "{:999999999}".format(1) }}',
  '{{ "x".center(999999999) }}{{ "x".zfill(999999999) }}',
  '{% for q in range(100000) %}{% for z in range(100000) | list %}{% endfor %}{% endfor %}',
  '{% for q in [1] recursive %}{{ loop([1]) }}{% endfor %}',
  `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`,
])('what would take for ever or fill the memory is stopped: %.80s', (template) => {
  const start = performance.now();
  expect(render(template)).toHaveProperty('error');
  expect(performance.now() - start).toBeLessThan(20_000);
});
