import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { takeLock } from '../src/files/process-lock.js';

let folder = '';
let path = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cfrl lock '));
  path = join(folder, 'lock');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const taken = () => {
  const attempt = takeLock(path);
  if ('holder' in attempt) throw new Error(`held by ${attempt.holder.pid}`);
  return attempt.release;
};

function start(source: string, ...args: string[]): ChildProcess {
  const flags = ['--import', import.meta.resolve('tsx'), '--conditions=@cfrl/source'];
  const child = spawn(process.execPath, [...flags, source, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

const racer = fileURLToPath(new URL('fixtures/lock-racer.ts', import.meta.url));

describe('takeLock', () => {
  it('is refused to the process that has it, until it is released, and leaves nothing', () => {
    const release = taken();
    expect(takeLock(path)).toEqual({ holder: { pid: process.pid } });
    expect(readdirSync(folder)).toEqual(['lock']);
    release();
    expect(readdirSync(folder)).toEqual([]);
    const again = taken();
    release();
    expect(takeLock(path)).toEqual({ holder: { pid: process.pid } });
    again();
  });

  it('is refused while another process has it, and given at once when that one is killed', async () => {
    const module = new URL('../src/files/process-lock.ts', import.meta.url).href;
    const source = join(folder, 'holder.mts');
    writeFileSync(
      source,
      `import { takeLock } from ${JSON.stringify(module)};
       takeLock(${JSON.stringify(path)});
       console.log('has it');
       setInterval(() => {}, 1000);`,
    );
    const child = start(source);
    await once(child.stdout!, 'data');
    expect(takeLock(path)).toEqual({ holder: { pid: child.pid } });
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    taken()();
  });

  it('knows a dead lock: no such process, an earlier one of this number, an earlier boot, none at all', () => {
    const mine = readOwn();
    const [pid, begin = ''] = mine.split(' ');
    const others = [
      '999999999 1 id',
      `${process.ppid} 1@other-boot id`,
      `${pid} ${begin.replace(/@.*/, '@earlier-boot')} id ${hostname()}`,
      `${pid} unknown id ${hostname()}`,
      '',
      'rubbish',
    ];
    for (const lock of process.platform === 'linux' ? others : others.slice(3)) {
      writeFileSync(path, lock);
      taken()();
      expect(readdirSync(folder), lock).toEqual([]);
    }
    writeFileSync(path, `${process.ppid} unknown id ${hostname()}`);
    expect(takeLock(path)).toEqual({ holder: { pid: process.ppid } });
  });

  it('does not judge a process on another machine', () => {
    writeFileSync(path, '999999999 1 id elsewhere');
    expect(takeLock(path)).toEqual({ holder: { pid: 999999999, host: 'elsewhere' } });
  });

  it('is had by one process at a time where many race for dead locks', async () => {
    const racers = Array.from({ length: 6 }, () => start(racer, folder, '2500'));
    const results = await Promise.all(
      racers.map(async (child) => {
        let text = '';
        child.stdout!.on('data', (data) => (text += String(data)));
        await once(child, 'close');
        return JSON.parse(text) as { taken: number; together: number };
      }),
    );
    expect(results.reduce((sum, { together }) => sum + together, 0)).toBe(0);
    expect(results.reduce((sum, { taken: times }) => sum + times, 0)).toBeGreaterThan(100);
    taken()();
    expect(readdirSync(folder)).toEqual([]);
  });
});

function readOwn(): string {
  const release = taken();
  const text = readFileSync(path, 'utf8');
  release();
  return text;
}
