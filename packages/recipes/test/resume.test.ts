import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { fold, randomInt, rng } from '@cfrl/engine';
import { afterAll, describe, expect, it } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'cfrl resume '));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const script = fileURLToPath(new URL('support/run-tiny.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

/**
 * Runs the experiment in a process of its own; kills it, without warning, some milliseconds after
 * it has printed so many lines.
 */
function runProcess(
  folder: string,
  kill?: { lines: number; milliseconds: number },
): Promise<string> {
  const args = ['--import', tsx, '--conditions=@cfrl/source', script, folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  let doomed = false;
  child.stderr.on('data', (data) => (errors += String(data)));
  child.stdout.on('data', (data) => {
    output += String(data);
    if (kill && !doomed && output.split('\n').length > kill.lines) {
      doomed = true;
      setTimeout(() => child.kill('SIGKILL'), kill.milliseconds);
    }
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(output);
      else reject(new Error(`the process ended with ${code}: ${errors}`));
    });
  });
}

/** Every record that must not depend on interruptions: all files but clocks and the lock. */
function records(folder: string): Map<string, string> {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/^(timings\.jsonl|lock)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    files
      .map((file): [string, string] => [
        relative(folder, file),
        readFileSync(file).toString('base64'),
      ])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe('a run that is killed at random points, and continued', () => {
  it('ends with the same bytes as one that was never stopped', { timeout: 600_000 }, async () => {
    const undisturbed = join(root, 'undisturbed');
    const undisturbedOutput = await runProcess(undisturbed);
    expect(undisturbedOutput).toContain('finished');
    const expected = records(undisturbed);

    // Ten kills, of as many runs as that takes: on a busy machine a run may end before its next kill.
    const source = rng(fold(20260104, 'kills'));
    for (let [kills, runs] = [0, 0]; kills < 10; runs++) {
      const folder = join(root, `killed ${runs}`);
      for (let finished = false; !finished;) {
        const kill =
          kills < 10
            ? { lines: 1 + randomInt(source, 7), milliseconds: randomInt(source, 60) }
            : undefined;
        finished = (await runProcess(folder, kill)).includes('finished');
        if (!finished) kills += 1;
      }
      const actual = records(folder);
      expect([...actual.keys()].join('\n')).toBe([...expected.keys()].join('\n'));
      for (const [file, bytes] of expected) {
        expect(actual.get(file) === bytes, `${file} differs`).toBe(true);
      }
      const steps = readFileSync(join(folder, 'cf-rl', 'seed-3', 'steps.jsonl'), 'utf8');
      expect(steps.trim().split('\n').length).toBe(16);
    }
  });
});
