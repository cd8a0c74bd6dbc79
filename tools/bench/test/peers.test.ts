import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { environmentName, interpreterOf, recentEnough } from '../src/peers.js';

describe('the environment of the peers', () => {
  it('is another one for other requirements or another Python', () => {
    const names = [
      environmentName('torch==1', '3.11'),
      environmentName('torch==2', '3.11'),
      environmentName('torch==1', '3.12'),
    ];
    expect(new Set(names).size).toBe(3);
    expect(environmentName('torch==1', '3.11')).toBe(names[0]);
    expect(names[0]).toMatch(/^bench-[0-9a-f]{12}$/);
  });

  it('has its interpreter where venv puts it', () => {
    expect(interpreterOf('x', 'linux').replaceAll('\\', '/')).toBe('x/bin/python');
    expect(interpreterOf('x', 'win32').replaceAll('\\', '/')).toBe('x/Scripts/python.exe');
  });

  it('pins every requirement', () => {
    const text = readFileSync(new URL('../requirements.txt', import.meta.url), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.filter((line) => !/^[\w-]+==[\d.]+$/.test(line))).toEqual([]);
  });
});

describe('recentEnough', () => {
  it('compares numbers, not text', () => {
    expect(['3.9', '3.10', '3.14', '4.0', '2.7'].map(recentEnough)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });
});
