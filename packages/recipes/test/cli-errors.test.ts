import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'cfrl-errors-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string, content?: string): string => {
  const path = join(root, name);
  if (content !== undefined) writeFileSync(path, content);
  return path;
};
const folder = (name: string, config?: string): string => {
  mkdirSync(at(name));
  if (config !== undefined) writeFileSync(join(at(name), 'config.json'), config);
  return at(name);
};

const source = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const flags = ['--import', import.meta.resolve('tsx'), '--conditions=@cfrl/source', source];

const good = '{"completion":"a b"}\n';
const file = at('file', '');
const cases: readonly (readonly [
  args: readonly string[],
  message: RegExp | string,
  input?: string,
])[] = [
  [
    ['metrics', at('none.jsonl')],
    'metrics: NAME is not there, expected a file with one JSON object a line; mend its path',
  ],
  [['metrics', join(file, 'x')], /is not there, expected/],
  [['metrics', root], /is a folder, expected a file/],
  [['metrics', at('broken.jsonl', `${good}{"completion":\n`)], /^metrics: line 2 is not JSON/],
  [['metrics', at('list.jsonl', '[1]\n')], 'metrics: line 1 is [1], expected an object'],
  [['metrics', file], 'metrics: the input has no line, expected at least one'],
  [['metrics', at('good.jsonl', good), '--field', 'text'], /line 1 has nothing as "text".*--field/],
  [['metrics', at('good.jsonl'), '--group', 'prompt'], /line 1 has no "prompt".*--group/],
  [
    ['metrics', at('good.jsonl'), '--group', 'a', '--whole'],
    /'--whole' cannot be used with option '--group/,
  ],
  [['metrics', at('good.jsonl'), '--correct', 'right'], /expected true, false, 1 or 0/],
  [['metrics', at('good.jsonl'), '--log-probs', 'lp'], /expected a list of numbers/],
  [['metrics', at('good.jsonl'), '--max-n', '0'], /expected an integer from 1 to 100/],
  [['metrics', at('good.jsonl'), '--max-n', '1e9'], /expected an integer from 1 to 100/],
  [['metrics', at('good.jsonl'), '--tokenizer', 'bpe'], /Allowed choices are whitespace, treebank/],
  [['metrics', at('good.jsonl'), 'more'], /too many arguments/],
  [['metrics'], 'metrics: the input has no line, expected at least one', ''],
  [['demo', '--out', join(file, 'run')], /a part of the path is a file; choose another folder/],
  [['demo', '--out', file], /a part of the path is a file; choose another folder/],
  [['demo', '--out', ''], "run: the folder is '', expected a path; name a folder"],
  [['demo', '--out', root], /holds other files \(.*choose another folder$/],
  [['demo', '--seeds', '0'], /expected an integer from 1 to 1000/],
  [['demo', '--seeds', '1000000000'], /expected an integer from 1 to 1000/],
  [['demo', '--fast'], /unknown option '--fast'/],
  [['demo', 'quick'], /too many arguments/],
  [['report'], /missing required argument 'folder'/],
  [['report', at('nowhere')], /has no config.json, expected the folder of an experiment$/],
  [
    ['report', folder('run', '{"kind":"warm start"}')],
    /holds a warm start, expected an experiment$/,
  ],
  [
    ['report', folder('torn', '{"kind":')],
    /config.json holds no JSON object; the file was damaged: restore it$/,
  ],
  [
    ['report', folder('short', '{"kind":"experiment"}')],
    /has no digits, expected the config of an experiment/,
  ],
  [['train'], /unknown command 'train'/],
];

describe('a mistake on the command line', () => {
  it.each(cases.map((one) => [one] as const))('%j is one clear line, and no success', (one) => {
    const [args, message, input = ''] = one;
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...args], {
      encoding: 'utf8',
      input,
      timeout: 60_000,
    });
    const [line = '', ...rest] = stderr.split('\n').filter((text) => text !== '');
    const said = line.replace(/^(cfrl|error): /, '');
    if (typeof message === 'string') expect(said).toBe(message.replace('NAME', args[1]!));
    else expect(said).toMatch(message);
    // Nothing follows but a hint in parentheses.
    expect(rest.filter((text) => !/^\(.*\)$/.test(text))).toEqual([]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  });

  it('ends quietly, and with no success, when nobody reads any more', () => {
    const command = `"$0" "$@" | true; echo "\${PIPESTATUS[0]}"`;
    const args = ['-c', command, process.execPath, ...flags, 'metrics', '--json'];
    const many = Array.from({ length: 20 }, () => good).join('');
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8', input: many });
    expect({ stdout, stderr }).toEqual({ stdout: '141\n', stderr: '' });
  });
});
