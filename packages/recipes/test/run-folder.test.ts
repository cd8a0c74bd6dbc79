import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openRun } from '@cfrl/recipes';
import { afterAll, describe, expect, it } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'cfrl run '));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;
const folder = (): string => join(root, String(made++));

describe('openRun', () => {
  it('stores the config, keeps rows, and continues the same run', () => {
    const path = folder();
    const first = openRun(path, { seed: 1, versions: { node: '20' } });
    first.append('steps', { step: 1 });
    first.append('steps', { step: 2 });
    first.close();
    const again = openRun(path, { seed: 1, versions: { node: '22' } });
    expect(again.rows('steps')).toEqual([{ step: 1 }, { step: 2 }]);
    again.rewind('steps', 1);
    expect(again.rows('steps')).toEqual([{ step: 1 }]);
    again.close();
    expect(JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))).toEqual({
      seed: 1,
      versions: { node: '20' },
    });
  });

  it('drops the torn last line of a killed process, and refuses damage before it', () => {
    const path = folder();
    const run = openRun(path, { seed: 1 });
    run.append('steps', { step: 1 });
    appendFileSync(join(path, 'steps.jsonl'), '{"step":2,"re');
    expect(run.rows('steps')).toEqual([{ step: 1 }]);
    run.rewind('steps', 9);
    expect(readFileSync(join(path, 'steps.jsonl'), 'utf8')).toBe('{"step":1}\n');
    writeFileSync(join(path, 'steps.jsonl'), '{"st\n{"step":2}\n');
    expect(() => run.rows('steps')).toThrow('line 1 of');
    run.close();
  });

  it('clears away what a process left that was killed while it wrote, and nothing else', () => {
    const path = folder();
    openRun(path, { seed: 1 }).close();
    const unfinished = 'steps.jsonl.01234567-89ab-cdef-0123-456789abcdef.tmp';
    writeFileSync(join(path, unfinished), 'half');
    writeFileSync(join(path, 'notes.tmp'), 'mine');
    openRun(path, { seed: 1 }).close();
    expect(readdirSync(path).sort()).toEqual(['config.json', 'notes.tmp']);
  });

  it('refuses a folder that holds another run, naming the options, and overwrites nothing', () => {
    const path = folder();
    openRun(path, { seed: 1, task: 'addition' }).close();
    expect(() => openRun(path, { seed: 2, task: 'addition' })).toThrow(
      `run: ${path} holds another run (seed 1 there, 2 here), expected this run or an empty folder; ` +
        'choose another folder, or give the same options to go on with that run',
    );
    expect(JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))).toEqual({
      seed: 1,
      task: 'addition',
    });
  });

  it('refuses a folder with other files', () => {
    const path = folder();
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.tex'), 'do not lose me');
    expect(() => openRun(path, { seed: 1 })).toThrow('holds other files (thesis.tex)');
    expect(readFileSync(join(path, 'thesis.tex'), 'utf8')).toBe('do not lose me');
  });

  it('refuses to open a run twice in one process, and gives it back once', () => {
    const path = folder();
    const run = openRun(path, { seed: 1 });
    expect(() => openRun(path, { seed: 1 })).toThrow(
      `run: ${path} is in use by this process, expected one writer a folder; ` +
        'wait for it, stop it, or choose another folder',
    );
    run.close();
    const again = openRun(path, { seed: 1 });
    run.close();
    expect(() => openRun(path, { seed: 1 })).toThrow('is in use by this process');
    again.close();
    expect(readdirSync(path)).toEqual(['config.json']);
  });

  it('refuses a folder in use by a living process, not by a dead one', () => {
    const path = folder();
    const run = openRun(path, { seed: 1 });
    run.close();
    writeFileSync(join(path, 'lock'), String(process.ppid));
    expect(() => openRun(path, { seed: 1 })).toThrow(`is in use by process ${process.ppid}`);
    writeFileSync(join(path, 'lock'), '999999999');
    openRun(path, { seed: 1 }).close();
  });

  it.runIf(process.platform === 'linux')(
    'does not take a process for one that had its number before, nor one that was killed for alive',
    async () => {
      const path = folder();
      openRun(path, { seed: 1 }).close();
      writeFileSync(join(path, 'lock'), `${process.ppid} 1`);
      openRun(path, { seed: 1 }).close();
      // A shell's child that nobody collects: by the time it ends, the shell has become a program that does not know of it.
      const parent = spawn('sh', ['-c', 'sleep 1 & echo $!; exec sleep 60']);
      try {
        const [line] = (await once(parent.stdout, 'data')) as [Buffer];
        const zombie = Number(String(line));
        const state = () => readFileSync(`/proc/${zombie}/stat`, 'utf8').split(') ')[1]![0];
        await expect.poll(state, { timeout: 20_000 }).toBe('Z');
        writeFileSync(join(path, 'lock'), String(zombie));
        openRun(path, { seed: 1 }).close();
      } finally {
        parent.kill('SIGKILL');
      }
    },
  );

  it('says what to do when the folder cannot be made', () => {
    const file = folder();
    writeFileSync(file, '');
    expect(() => openRun(join(file, 'run'), { seed: 1 })).toThrow(
      /a part of the path is a file; choose another folder\)$/,
    );
    if (process.platform !== 'linux') return;
    expect(() => openRun('/proc/cfrl/run', { seed: 1 })).toThrow(
      /ENOENT: nothing can be made there; choose another folder\)$/,
    );
  });

  it.runIf(process.platform === 'linux')('says what to do when the disk is full', () => {
    const path = folder();
    const run = openRun(path, { seed: 1 });
    run.append('steps', { step: 1 });
    symlinkSync('/dev/full', join(path, 'probes.jsonl'));
    expect(() => run.append('probes', { step: 1 })).toThrow(
      'ENOSPC: the disk is full; free some space); what was written before is intact: ' +
        'give the same command again to go on from the last checkpoint',
    );
    expect(run.rows('steps')).toEqual([{ step: 1 }]);
    run.close();
  });
});
