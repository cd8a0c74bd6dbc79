import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deflateRawSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { cacheFolder, findBinding } from '../src/files/cache-folder.js';
import { findCompiler, nodeHeaders } from '../src/native/build.js';
import { cpuFeatures } from '../src/native/cpu-features.js';
import { extract } from '../src/native/extract.js';
import { recentFailure, rememberingFailure } from '../src/native/failure.js';
import { install } from '../src/native/install.js';
import { withLock } from '../src/files/with-lock.js';
import { openNative } from '../src/native/open-native.js';
import { probe } from '../src/native/probe.js';
import { bar } from '../src/files/progress.js';
import { errorLine, run } from '../src/native/run.js';
import { findTfjsNode } from '../src/native/packages.js';
import { threadCount } from '../src/native/threads.js';
import { resolveWheel, tensorflowWheel, whyNoWheel } from '../src/native/find-wheel.js';

const onLinux = process.platform === 'linux';
let folder = '';
let environment: NodeJS.ProcessEnv = {};

beforeEach(() => {
  environment = { ...process.env };
  folder = mkdtempSync(join(tmpdir(), 'cfrl native '));
  process.env['CFRL_CACHE'] = join(folder, 'cache');
});

afterEach(() => {
  for (const name of Object.keys(process.env)) {
    if (!(name in environment)) Reflect.deleteProperty(process.env, name);
  }
  Object.assign(process.env, environment);
  rmSync(folder, { recursive: true });
});

/** Puts a shell script under the name of a program, and nothing else but Node.js, on the search path. */
function onlyProgram(name: string, script: string): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  process.env['PATH'] = bin;
}

describe('run', () => {
  const node = (script: string, timeoutMs = 20_000) =>
    run(process.execPath, ['-e', script], { timeoutMs, env: { NODE_OPTIONS: '' } });

  it('collects what a program writes, and its status', async () => {
    const outcome = await node("console.log('out'); console.error('err'); process.exit(3)");
    expect(outcome).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      status: 3,
      signal: null,
      failure: undefined,
    });
  });

  it('ends a program that takes too long', async () => {
    const outcome = await node('setInterval(() => {}, 1000)', 300);
    expect(outcome.failure).toBe('timeout');
    expect(errorLine(outcome)).toBe('it took too long');
  });

  it('tells a program that is not there from one that fails', async () => {
    const missing = await run(join(folder, 'nothing'), [], { timeoutMs: 1000 });
    expect(missing.failure).toBe('missing');
    expect((await node('process.exit(1)')).failure).toBe(undefined);
  });

  it('picks the line that names the error', () => {
    const outcome = { stdout: '', status: 1, signal: null, failure: undefined };
    expect(errorLine({ ...outcome, stderr: 'a\n x.cc:3: error: no\nb\n' })).toBe(
      'x.cc:3: error: no',
    );
    expect(errorLine({ ...outcome, stderr: 'first\nlast\n\n' })).toBe('last');
    expect(errorLine({ ...outcome, stderr: '' })).toBe('exit status 1');
  });
});

describe('extract', () => {
  it('writes the chosen files, byte for byte, and no others', async () => {
    const archive = join(folder, 'a.zip');
    const long = 'abc'.repeat(50_000);
    writeFileSync(archive, zip({ 'x/long.txt': long, 'x/empty': '', 'y/other': 'no' }));
    const target = (name: string) => (name.startsWith('x/') ? `to/${name.slice(2)}` : undefined);
    expect(await extract(archive, folder, target)).toBe(2);
    expect(readFileSync(join(folder, 'to', 'long.txt'), 'utf8')).toBe(long);
    expect(readFileSync(join(folder, 'to', 'empty'), 'utf8')).toBe('');
    expect(existsSync(join(folder, 'to', 'other'))).toBe(false);
  });

  it('refuses names that lead out of the folder', async () => {
    const archive = join(folder, 'a.zip');
    writeFileSync(archive, zip({ '../evil': 'x' }));
    await expect(extract(archive, join(folder, 'in'), (name) => name)).rejects.toThrow(/\.\./);
    expect(existsSync(join(folder, 'evil'))).toBe(false);
  });

  it('refuses an archive that was cut off', async () => {
    const archive = join(folder, 'a.zip');
    writeFileSync(archive, zip({ a: 'x'.repeat(1000) }).subarray(0, 60));
    await expect(extract(archive, folder, (name) => name)).rejects.toThrow();
  });
});

describe('withLock', () => {
  it('lets one in at a time, and tells the others that they wait', async () => {
    let inside = 0;
    let waiting = 0;
    const worker = (id: number) =>
      withLock(
        folder,
        () => (waiting += 1),
        async () => {
          inside += 1;
          expect(inside).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 50));
          inside -= 1;
          return id;
        },
      );
    expect(await Promise.all([worker(1), worker(2), worker(3)])).toEqual([1, 2, 3]);
    expect(waiting).toBe(2);
  });

  it('lets the next one in after a failure', async () => {
    const failing = withLock(
      folder,
      () => undefined,
      () => Promise.reject(new Error('no')),
    );
    await expect(failing).rejects.toThrow('no');
    expect(
      await withLock(
        folder,
        () => undefined,
        async () => 7,
      ),
    ).toBe(7);
  });
});

describe('probe', () => {
  /** A binding in JavaScript: the probe only calls it. */
  const binding = (product: string, before = ''): string => {
    const file = join(folder, 'binding.cjs');
    writeFileSync(
      file,
      `${before}
      require('node:fs').appendFileSync(__dirname + '/loads', 'x');
      exports.TF_Version = '9.9.9';
      exports.isUsingGpuDevice = () => false;
      exports.createTensor = (shape, type, values) => values.length;
      exports.executeOp = (name, attributes, inputs) => [{ id: inputs[0] }];
      exports.tensorDataSync = (n) => new Float32Array(n).fill(${product});`,
    );
    return file;
  };
  const loads = (): number => readFileSync(join(folder, 'loads'), 'utf8').length;

  it('remembers a binding that works until its file changes', async () => {
    const file = binding('64');
    expect(await probe(file)).toEqual({ version: '9.9.9', gpu: false });
    expect(await probe(file)).toEqual({ version: '9.9.9', gpu: false });
    expect(loads()).toBe(1);
    utimesSync(file, 1, 1);
    await probe(file);
    expect(loads()).toBe(2);
  });

  it('works where nothing can be remembered', async () => {
    process.env['CFRL_CACHE'] = join(binding('64'), 'not a folder');
    expect((await probe(join(folder, 'binding.cjs'))).version).toBe('9.9.9');
  });

  it('survives a binding that ends the process, and tries it again', async () => {
    const crashing = binding('64', "process.kill(process.pid, 'SIGILL');");
    await expect(probe(crashing)).rejects.toThrow(
      'the binding needs instructions that this processor lacks',
    );
    const aborting = binding('64', 'process.abort();');
    await expect(probe(aborting)).rejects.toThrow('the binding crashes (SIGABRT)');
    expect((await probe(binding('64'))).version).toBe('9.9.9');
  });

  it('refuses a binding that throws, or multiplies wrongly', async () => {
    const throwing = binding('64', "throw new Error('libx.so.2: cannot open');");
    await expect(probe(throwing)).rejects.toThrow(/^the binding does not work: .*libx.so.2/);
    await expect(probe(binding('63'))).rejects.toThrow(/multiplies matrices wrongly/);
  });
});

/** A script that writes its report where pip would. */
const reporting = (report: string): string =>
  `while [ "$1" != --report ]; do shift; done; echo '${report}' > "$2"`;

describe.runIf(onLinux)('resolveWheel', () => {
  it('reads the address and the digest from the report of pip', async () => {
    const info = { url: 'https://host.invalid/a.whl', archive_info: { hashes: { sha256: 'ab' } } };
    const report = JSON.stringify({ version: '1', install: [{ download_info: info }] });
    onlyProgram('python3', reporting(report));
    expect(await resolveWheel(tensorflowWheel(), folder)).toEqual({ url: info.url, sha256: 'ab' });
    const older = { url: info.url, archive_info: { hash: 'sha256=cd' } };
    onlyProgram('python3', reporting(JSON.stringify({ install: [{ download_info: older }] })));
    expect((await resolveWheel(tensorflowWheel(), folder)).sha256).toBe('cd');
  });

  const failures: readonly (readonly [name: string, script: string, reason: RegExp])[] = [
    ['no pip', 'echo "x: No module named pip" >&2; exit 1', /^python3 has no pip; install/],
    [
      'an old pip',
      'echo "no such option: --report" >&2; exit 2',
      /^python3's pip is too old, 22.2/,
    ],
    ['no network', 'echo "NewConnectionError(x): failed" >&2; exit 1', /^pip cannot reach/],
    ['no such wheel', 'echo "ERROR: No matching" >&2; exit 1', /^pip failed: ERROR: No matching$/],
    ['an empty report', reporting('{}'), /^pip did not say where tensorflow-cpu==\S+ lies$/],
    ['no report', 'true', /^pip did not say where/],
  ];
  it('takes what is printed beside the report, in colours, for no report', async () => {
    const info = { url: 'https://host.invalid/a.whl', archive_info: { hash: 'sha256=cd' } };
    const report = reporting(JSON.stringify({ install: [{ download_info: info }] }));
    onlyProgram('python3', `echo 'a notice {of sorts}'; ${report}; printf '\\033[1m{\\033[0m'`);
    expect((await resolveWheel(tensorflowWheel(), folder)).sha256).toBe('cd');
  });

  it('asks again where pip failed for a moment, and not where it will fail again', async () => {
    const info = { url: 'https://host.invalid/a.whl', archive_info: { hash: 'sha256=cd' } };
    const report = reporting(JSON.stringify({ install: [{ download_info: info }] }));
    const tries = join(folder, 'tries');
    const count = `echo x >> '${tries}'`;
    const failing = (message: string) => `${count}; echo '${message}' >&2; exit 1`;
    onlyProgram(
      'python3',
      `if [ ! -e '${tries}' ]; then ${failing('cannot rehash')}; fi; ${count}; ${report}`,
    );
    expect((await resolveWheel(tensorflowWheel(), folder)).sha256).toBe('cd');
    expect(readFileSync(tries, 'utf8')).toBe('x\nx\n');
    rmSync(tries);
    onlyProgram('python3', failing('ERROR: No matching distribution'));
    await expect(resolveWheel(tensorflowWheel(), folder)).rejects.toThrow('No matching');
    expect(readFileSync(tries, 'utf8')).toBe('x\n');
  });

  it.each(failures)('says in one line that there is %s', async (_name, script, reason) => {
    onlyProgram('python3', script);
    await expect(resolveWheel(tensorflowWheel(), folder)).rejects.toThrow(reason);
  });

  it('says that there is no Python', async () => {
    process.env['PATH'] = folder;
    await expect(resolveWheel(tensorflowWheel(), folder)).rejects.toThrow(
      /^Python 3 was not found/,
    );
  });
});

describe('install', () => {
  const possible =
    whyNoWheel() === undefined && findTfjsNode('@tensorflow/tfjs-node') !== undefined;
  const events: string[] = [];
  const onProgress = ({ phase }: { phase: string }): unknown => events.push(phase);

  it.runIf(possible)(
    'looks for a compiler before it downloads, and leaves nothing behind',
    async () => {
      onlyProgram('python3', 'exit 1');
      Reflect.deleteProperty(process.env, 'CXX');
      await expect(install({ onProgress })).rejects.toThrow(
        'no C++ compiler was found (g++, c++, clang++); install g++',
      );
      expect(events).toEqual([]);
      const left = await run(
        process.execPath,
        ['-p', 'fs.readdirSync(process.argv[1]).join()', cacheFolder()],
        {
          timeoutMs: 20_000,
          env: { NODE_OPTIONS: '' },
        },
      );
      expect(left.stdout.trim()).toBe('');
    },
  );

  it.runIf(possible)('says which folder it cannot make', async () => {
    writeFileSync(join(folder, 'file'), '');
    process.env['CFRL_CACHE'] = join(folder, 'file', 'cache');
    await expect(install({ onProgress })).rejects.toThrow(
      `${join(folder, 'file', 'cache')} cannot be made; set CFRL_CACHE to a folder that can be written`,
    );
  });

  it.runIf(!possible)('says why there is no wheel', async () => {
    await expect(install({ onProgress })).rejects.toThrow(/wheel|not installed/);
  });
});

describe('openNative', () => {
  const source = findTfjsNode('@tensorflow/tfjs-node');
  const installedElsewhere = source !== undefined && findBinding(source.folder) !== undefined;

  it.runIf(source !== undefined && !installedElsewhere)(
    'names each way to TensorFlow that was tried, and why it failed',
    async () => {
      const answer = await openNative('tensorflow', { install: false, retry: true });
      expect(answer).toEqual({
        rejected: [
          {
            name: 'tensorflow (installed)',
            reason: '@tensorflow/tfjs-node has no native binding in its folder',
          },
          {
            name: 'tensorflow (wheel)',
            reason: 'it has not been built, and installing was not allowed',
            mend: 'npm run cfrl -- backend',
          },
        ],
      });
    },
  );
});

describe('recentFailure', () => {
  it('repeats a slow failure for an hour, and forgets it after a success', async () => {
    const slow = async (): Promise<never> => {
      await new Promise((resolve) => setTimeout(resolve, 1100));
      throw new Error('no network');
    };
    mkdirSync(cacheFolder());
    await expect(rememberingFailure(slow)).rejects.toThrow('no network');
    expect(recentFailure()).toBe('no network (0 minutes ago; installNative() tries again)');
    const note = join(cacheFolder(), 'failed.json');
    writeFileSync(note, JSON.stringify({ reason: 'x', time: Date.now() - 3_700_000 }));
    expect(recentFailure()).toBe(undefined);
    writeFileSync(note, JSON.stringify({ reason: 'x', time: Date.now() - 120_000 }));
    expect(recentFailure()).toMatch(/^x \(2 minutes ago/);
    expect(await rememberingFailure(async () => ({ binding: 'b', version: '1' }))).toBe('b');
    expect(recentFailure()).toBe(undefined);
  });

  it('does not hold a quick failure against the next start', async () => {
    mkdirSync(cacheFolder());
    await expect(rememberingFailure(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(recentFailure()).toBe(undefined);
  });
});

describe('the small parts', () => {
  it('find the binding of the newest Node-API', () => {
    expect(findBinding(folder)).toBe(undefined);
    const file = (napi: number) => join(folder, 'lib', `napi-v${napi}`, 'tfjs_binding.node');
    for (const napi of [3, 8, 6]) {
      mkdirSync(dirname(file(napi)), { recursive: true });
      writeFileSync(file(napi), '');
    }
    expect(findBinding(folder)).toBe(file(8));
  });

  it.runIf(onLinux && existsSync('/proc/cpuinfo'))(
    'name instructions that the system names',
    () => {
      const text = ` ${readFileSync('/proc/cpuinfo', 'utf8').replaceAll(/\s+/g, ' ')} `;
      const features = cpuFeatures();
      expect(new Set(features).size).toBe(features.length);
      for (const feature of features) expect(text).toContain(` ${feature} `);
      expect(features.includes('avx2')).toBe(text.includes(' avx2 '));
    },
  );

  it('take the number of threads from the environment, ours first', () => {
    Reflect.deleteProperty(process.env, 'CFRL_THREADS');
    Reflect.deleteProperty(process.env, 'TF_NUM_INTRAOP_THREADS');
    expect(threadCount()).toBe(availableParallelism());
    process.env['TF_NUM_INTRAOP_THREADS'] = '3';
    expect(threadCount()).toBe(3);
    process.env['CFRL_THREADS'] = '5';
    expect(threadCount()).toBe(5);
  });

  it('draw a bar', () => {
    const half = { bytes: 137e6, totalBytes: 274e6 };
    expect(bar(half, 0, 10)).toBe('[############------------] 50 % of 274 MB, 10 s left');
    // What an earlier process had fetched says nothing about the speed.
    expect(bar(half, 100e6, 10)).toBe('[############------------] 50 % of 274 MB, 38 s left');
    expect(bar({ bytes: 0, totalBytes: 10e6 }, 0, 0)).toBe(`[${'-'.repeat(24)}] 0 % of 10 MB`);
    expect(bar({ bytes: 5e6 }, 0, 1)).toBe('5 MB');
  });

  it.runIf(onLinux)('take the compiler that CXX names, and no other', async () => {
    onlyProgram('my-compiler', 'exit 0');
    process.env['CXX'] = 'my-compiler';
    expect(await findCompiler()).toBe('my-compiler');
    process.env['CXX'] = 'no-compiler';
    await expect(findCompiler()).rejects.toThrow('no C++ compiler was found (no-compiler)');
  });

  it('find the headers of Node-API', () => {
    expect(statSync(join(nodeHeaders(), 'node_api.h')).isFile()).toBe(true);
  });
});

/** A zip archive of these files, deflated. */
function zip(files: Readonly<Record<string, string>>): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = deflateRawSync(text);
    const sizes = [crc32(Buffer.from(text)), data.length, Buffer.byteLength(text)];
    const common = record('H5I3H2', [20, 0, 8, 0, 0, ...sizes, Buffer.byteLength(name), 0]);
    const head = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data]);
    const rest = record('H3I2', [0, 0, 0, 0, offset]);
    central.push(Buffer.from('PK\x01\x02'), record('H1', [20]), common, rest, Buffer.from(name));
    local.push(head);
    offset += head.length;
  }
  const index = Buffer.concat(central);
  const count = Object.keys(files).length;
  const end = record('H4I2H1', [0, 0, count, count, index.length, offset, 0]);
  return Buffer.concat([...local, index, Buffer.from('PK\x05\x06'), end]);
}

/** Little-endian numbers: `H3` are three of two bytes, `I2` two of four. */
function record(format: string, values: readonly number[]): Buffer {
  const kinds = [...format.matchAll(/([HI])(\d)/g)].flatMap(([, kind, n]) =>
    Array<string>(Number(n)).fill(kind!),
  );
  return Buffer.concat(
    kinds.map((kind, i) => {
      const bytes = Buffer.alloc(kind === 'H' ? 2 : 4);
      if (kind === 'H') bytes.writeUInt16LE(values[i]!);
      else bytes.writeUInt32LE(values[i]! >>> 0);
      return bytes;
    }),
  );
}

function crc32(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
