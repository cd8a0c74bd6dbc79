import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { tensorflowVersion } from './cache.js';
import { errorLine, type Outcome, run } from './run.js';

/** Where a wheel can be had, as the user's own pip configuration resolves it. */
export interface Wheel {
  readonly url: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

const platforms: Readonly<Record<string, string>> = {
  x64: 'manylinux_2_27_x86_64',
  arm64: 'manylinux_2_27_aarch64',
};

/** Which wheel is wanted. */
export interface WheelRequest {
  /** What is in it, for messages. */
  readonly name: string;
  /** `package==version` */
  readonly requirement: string;
  /** pip's options that select one of several files. */
  readonly selection: readonly string[];
}

/** The one wheel that holds the C library; its Python version does not matter, no Python code of it runs. */
export const tensorflowWheel = (): WheelRequest => ({
  name: `TensorFlow ${tensorflowVersion}`,
  requirement: `tensorflow-cpu==${tensorflowVersion}`,
  selection: ['--python-version', '3.11', '--platform', platforms[process.arch]!],
});

/** Why there is no wheel with the C library for this system, or `undefined` where there is one. */
export function whyNoWheel(): string | undefined {
  const system = `${process.platform} ${process.arch}`;
  if (process.platform !== 'linux' || platforms[process.arch] === undefined) {
    return `no TensorFlow wheel has the library for ${system} (only linux x64 and arm64); a binding that @tensorflow/tfjs-node's own install script makes is used if it is there`;
  }
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const [major, minor] = (header.glibcVersionRuntime ?? '0.0').split('.').map(Number);
  if (major === 2 && minor! >= 27) return undefined;
  return `TensorFlow's wheel needs glibc 2.27 or newer, this system has ${header.glibcVersionRuntime ?? 'another C library'}`;
}

/**
 * Asks pip where the wheel lies, so that the user's index, mirror and certificates are honoured. Nothing is downloaded.
 *
 * @throws Error with one line: no Python, no pip, an old pip, no network, no such wheel.
 */
export async function resolveWheel(request: WheelRequest, scratch: string): Promise<Wheel> {
  const args = ['--dry-run', '--ignore-installed', '--target', join(scratch, 'unused')];
  const report = await pip(
    request,
    ['install', ...args, '--report', '-', '-q', ...selectionOf(request)],
    180_000,
  );
  const { url, sha256 } = readReport(report.stdout);
  if (url !== undefined && sha256 !== undefined) return { url, sha256 };
  throw new Error(`pip did not say where ${request.requirement} lies`);
}

/** Lets pip itself download the wheel into a folder: slower to start again, but it knows proxies and credentials. */
export async function pipDownload(request: WheelRequest, folder: string): Promise<string> {
  const own = mkdtempSync(join(folder, 'pip-'));
  try {
    const args = ['download', '-q', '--no-cache-dir', '-d', own, ...selectionOf(request)];
    await pip(request, args, 3_600_000, { TMPDIR: own });
    const name = readdirSync(own).find((file) => file.endsWith('.whl'));
    if (name === undefined) throw new Error(`pip did not download ${request.requirement}`);
    return join(own, name);
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    throw error;
  }
}

const selectionOf = ({ selection, requirement }: WheelRequest): readonly string[] => [
  '--no-deps',
  '--only-binary=:all:',
  ...selection,
  requirement,
];

async function pip(
  { name }: WheelRequest,
  args: readonly string[],
  timeoutMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const common = ['-m', 'pip', '--disable-pip-version-check', '--no-input', '--retries', '1'];
  for (const python of ['python3', 'python']) {
    const outcome = await run(python, [...common, ...args], {
      timeoutMs,
      env,
    });
    if (outcome.failure === 'missing') continue;
    if (outcome.status === 0) return outcome;
    throw new Error(pipFailure(python, outcome));
  }
  throw new Error(
    `Python 3 was not found (its pip downloads ${name}); install python3 and python3-pip`,
  );
}

function pipFailure(python: string, outcome: Outcome): string {
  if (outcome.failure === 'timeout') return 'pip did not answer in time';
  if (/No module named '?pip/.test(outcome.stderr))
    return `${python} has no pip; install python3-pip`;
  if (/no such option: --(report|dry-run)/.test(outcome.stderr)) {
    return `${python}'s pip is too old, 22.2 or newer is needed; run ${python} -m pip install --upgrade pip`;
  }
  if (
    /(NewConnectionError|ConnectTimeout|Name or service|name resolution|Network is unreachable|Connection refused)/.test(
      outcome.stderr,
    )
  ) {
    return 'pip cannot reach its package index (no network?)';
  }
  return `pip failed: ${errorLine(outcome)}`;
}

function readReport(text: string): Partial<Wheel> {
  interface Report {
    readonly install?: readonly {
      readonly download_info?: {
        readonly url?: string;
        readonly archive_info?: { readonly hash?: string; readonly hashes?: { sha256?: string } };
      };
    }[];
  }
  let report: Report;
  try {
    report = JSON.parse(text.slice(text.indexOf('{'))) as Report;
  } catch {
    return {};
  }
  const info = report.install?.[0]?.download_info;
  const archive = info?.archive_info;
  const sha256 = archive?.hashes?.sha256 ?? /^sha256=(.*)$/.exec(archive?.hash ?? '')?.[1];
  return { ...(info?.url && { url: info.url }), ...(sha256 && { sha256 }) };
}
