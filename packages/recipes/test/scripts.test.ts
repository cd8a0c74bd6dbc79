import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const clone = fileURLToPath(new URL('../../..', import.meta.url));

/** What people write first: a file beside the examples, or at the top, that imports every package. */
const script = `
import { fold } from '@cfrl/engine';
import { takeLock } from '@cfrl/engine/node';
import { charTokenizer } from '@cfrl/model';
import { loadPretrained } from '@cfrl/model/node';
import { selfBleu } from '@cfrl/metrics';
import { decompose } from '@cfrl/ntk';
import { splitModel } from '@cfrl/recipes';
import { grpo } from '@cfrl/rl';
import * as tf from '@tensorflow/tfjs-core';
const all = [fold, takeLock, charTokenizer, loadPretrained, selfBleu, decompose, splitModel, grpo, tf.sum];
console.log(all.map((each) => typeof each).join(' '));
`;

describe.each(['.', 'examples'])('a script in %s of the clone', (place) => {
  it.each([
    ['tsx', []],
    ['node', ['--import', 'tsx', '--conditions=@cfrl/source']],
  ] as const)('imports every package when %s runs it', (program, flags) => {
    const home = join(clone, place);
    mkdirSync(join(home, 'runs'), { recursive: true });
    const folder = mkdtempSync(join(home, 'runs', 'script-'));
    try {
      writeFileSync(join(folder, 'my.ts'), script);
      const path = `${join(clone, 'node_modules', '.bin')}:${process.env['PATH']}`;
      const printed = execFileSync(program, [...flags, join(folder, 'my.ts')], {
        cwd: home,
        encoding: 'utf8',
        env: { ...process.env, PATH: path },
      });
      expect(printed.trim().split(' ')).toEqual(Array.from({ length: 9 }, () => 'function'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
