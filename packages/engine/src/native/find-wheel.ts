import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { tensorflowVersion } from '../files/cache-folder.js';
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
  // Not to standard output, where pip colours it under FORCE_COLOR, and other programs (pyenv) may write as well.
  const file = join(scratch, 'report.json');
  const target = ['--ignore-installed', '--target', join(scratch, 'unused')];
  const args = ['install', '--dry-run', ...target, '--report', file, '-q'];
  await pip(request, [...args, ...selectionOf(request)], 180_000);
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    const { url, archive_info: archive } = report.install![0]!.download_info!;
    const sha256 = archive?.hashes?.sha256 ?? /^sha256=(.*)$/.exec(archive!.hash!)![1];
    if (url && sha256) return { url, sha256 };
  } catch {
    // No report, or none that says it.
  }
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

/** Milliseconds before pip is asked again: on a busy machine its index, or what starts Python, fails for a moment. */
const PAUSES = [500, 2_000];

async function pip(
  { name }: WheelRequest,
  args: readonly string[],
  timeoutMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const common = ['-m', 'pip', '--disable-pip-version-check', '--no-input', '--retries', '1'];
  for (const python of ['python3', 'python']) {
    for (const wait of [...PAUSES, undefined]) {
      const outcome = await run(python, [...common, ...args], { timeoutMs, env });
      if (outcome.failure === 'missing') break;
      if (outcome.status === 0) return;
      const { reason, passes } = pipFailure(python, outcome);
      if (!passes || wait === undefined) throw new Error(reason);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  throw new Error(
    `Python 3 was not found (its pip downloads ${name}); install python3 and python3-pip`,
  );
}

/** How pip says what went wrong, what that means, and whether it may pass. */
const FAILURES: readonly (readonly [pattern: RegExp, meaning: string, passes: boolean])[] = [
  [/No module named '?pip/, '${python} has no pip; install python3-pip', false],
  [
    /no such option: --(report|dry-run)/,
    "${python}'s pip is too old, 22.2 or newer is needed; run ${python} -m pip install --upgrade pip",
    false,
  ],
  [
    /NewConnectionError|ConnectTimeout|Name or service|name resolution|Network is unreachable|Connection refused/,
    'pip cannot reach its package index (no network?)',
    true,
  ],
];

/** Why pip failed, and whether that may pass. */
function pipFailure(python: string, outcome: Outcome): { reason: string; passes: boolean } {
  if (outcome.failure === 'timeout') {
    return { reason: 'pip did not answer in time', passes: false };
  }
  const [, meaning, passes] = FAILURES.find(([pattern]) => pattern.test(outcome.stderr)) ?? [
    undefined,
    `pip failed: ${errorLine(outcome)}`,
    !/No matching/.test(outcome.stderr),
  ];
  return { reason: meaning.replaceAll('${python}', python), passes };
}

/** What the part of pip's report says that is read here. */
interface Report {
  readonly install?: readonly {
    readonly download_info?: {
      readonly url?: string;
      readonly archive_info?: { readonly hash?: string; readonly hashes?: { sha256?: string } };
    };
  }[];
}
