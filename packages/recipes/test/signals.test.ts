import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from 'vitest';

import { invocation } from '../src/cli/invocation.js';

const root = mkdtempSync(join(tmpdir(), 'cfrl-signals-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const clone = fileURLToPath(new URL('../../..', import.meta.url));
const terminal = fileURLToPath(new URL('support/terminal.py', import.meta.url));

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly seconds: number | null;
  readonly left: number;
}

interface Action {
  /** When: the output matches this. */
  readonly at: string;
  /** What is typed, or the number of the signal that the command's first process alone gets. */
  readonly then: string | number;
}

/** The environment of a user, not that of a test run. */
function outside(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of ['npm_lifecycle_event', 'CFRL_COMMAND']) Reflect.deleteProperty(env, name);
  return env;
}

function inTerminal(command: readonly string[], action?: Action): Ended {
  const spec = JSON.stringify({ command, ...action });
  const text = execFileSync('python3', [terminal, spec], {
    cwd: clone,
    encoding: 'utf8',
    env: outside(),
  });
  return JSON.parse(text) as Ended;
}

const cli = ['--import', 'tsx', '--conditions=@cfrl/source', 'packages/recipes/src/cli.ts'];
const flags = (folder: string) => ['demo', '--quick', '--seeds', '1', '--out', folder];
const direct = (folder: string) => ['node', ...cli, ...flags(folder)];
const byNpm = (folder: string) => ['npm', 'run', 'demo', '--', ...flags(folder).slice(1)];
const CTRL_C = '\x03';

/** Every record that must not depend on interruptions. */
const records = (folder: string): [string, string][] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/^(timings\.jsonl|report\..*)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file): [string, string] => [
      relative(folder, file),
      readFileSync(file).toString('base64'),
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1));

describe.runIf(process.platform === 'linux')('the demo in a terminal', () => {
  it(
    'ends at once on Ctrl-C and SIGTERM, says how to go on, leaves no process, and goes on to the same bytes',
    { timeout: 600_000 },
    () => {
      const folder = join(root, 'stopped');
      const again = (command: readonly string[]) => `to go on: ${command.join(' ')}\r\n`;

      const first = inTerminal(direct(folder), { at: ' % .*loss', then: CTRL_C });
      expect(first).toMatchObject({ code: 130, left: 0 });
      expect(first.output).toContain('stopped by Ctrl-C at ');
      expect(first.output).toContain(again(direct(folder)));
      expect(first.seconds).toBeLessThan(5);

      const second = inTerminal(byNpm(folder), { at: ' % .*CF-RL.*reward', then: CTRL_C });
      // npm ends itself by the signal, which shells report as 130.
      expect([130, -2]).toContain(second.code);
      expect(second.left).toBe(0);
      expect(second.output).toContain(again(byNpm(folder)));
      expect(second.seconds).toBeLessThan(5);

      const third = inTerminal(direct(folder), { at: ' % .*standard RL.*reward', then: 15 });
      expect(third).toMatchObject({ code: 143, left: 0 });
      expect(third.output).toContain('stopped by SIGTERM at ');

      const fourth = inTerminal(byNpm(folder), { at: ' % .*standard RL.*reward', then: 15 });
      expect(fourth.code).not.toBe(0);
      expect(fourth.left).toBe(0);
      expect(fourth.output).toContain('all is saved; to go on: npm run demo');

      const whole = inTerminal(direct(folder));
      expect(whole.code).toBe(0);
      const undisturbed = join(root, 'undisturbed');
      expect(inTerminal(direct(undisturbed)).code).toBe(0);
      const [actual, expected] = [records(folder), records(undisturbed)];
      expect(actual.map(([name]) => name)).toEqual(expected.map(([name]) => name));
      actual.forEach(([name, bytes], i) => expect(bytes === expected[i]![1], name).toBe(true));
      const printed = whole.output.split('\r\n');
      const table = printed.slice(printed.findIndex((line) => line.includes('before')));
      const written = table.filter((line) => !line.includes(folder));
      expect(written.length).toBeGreaterThan(8);
      for (const line of written) expect(line.length, line).toBeLessThanOrEqual(80);
    },
  );

  it(
    'ends in one line when it is stopped while it writes the report, and writes it when it goes on',
    { timeout: 600_000 },
    async () => {
      const folder = join(root, 'reported');
      const [program = '', ...args] = direct(folder);
      // The terminal sends Ctrl-C to every process of the group: what compiles the sources dies of it.
      const demo = (stop: string | undefined) =>
        new Promise<{ readonly code: number | null; readonly output: string }>((resolve) => {
          const child = spawn(program, args, { cwd: clone, detached: true, env: outside() });
          let output = '';
          child.stderr.on('data', (text: Buffer) => {
            const before = output;
            output += text.toString();
            if (stop !== undefined && output.includes(stop) && !before.includes(stop)) {
              process.kill(-child.pid!, 'SIGINT');
            }
          });
          child.on('close', (code) => resolve({ code, output }));
        });
      const stopped = await demo('100 % |');
      expect(stopped.output.split('\n').slice(-2)).toEqual([
        `cfrl demo: stopped by Ctrl-C at 100 %, all is saved; to go on: ${direct(folder).join(' ')}`,
        '',
      ]);
      expect(stopped.code).toBe(130);
      expect((await demo(undefined)).code).toBe(0);
      expect(existsSync(join(folder, 'report.html'))).toBe(true);
    },
  );
});

describe('invocation', () => {
  const started = { execArgv: [], cwd: '/home/me', command: undefined };

  it('is what was given: by npx, by node, by the script that started it', () => {
    const args = ['demo', '--out', "it's here"];
    expect(
      invocation({ ...started, argv: ['node', '/home/me/node_modules/.bin/cfrl', ...args] }),
    ).toBe(`npx cfrl demo --out 'it'\\''s here'`);
    expect(
      invocation({
        ...started,
        execArgv: ['--import', 'tsx'],
        argv: ['node', '/home/me/src/cli.ts', 'demo'],
      }),
    ).toBe('node --import tsx src/cli.ts demo');
    const command = 'npm run demo -- --quick';
    expect(invocation({ ...started, argv: ['node', '/x/cli.ts', 'demo'], command })).toBe(command);
  });
});
