import { accessSync, constants, createReadStream, statSync } from 'node:fs';

import {
  type Tokenize,
  intlTokens,
  mtevalTokens,
  splitAtWhitespace,
  splitCharacters,
  treebankTokens,
} from '@cfrl/metrics';

import { type FileMetrics, fileMetrics } from './file-metrics.js';
import { formatSeconds, terminalBar } from './progress.js';
import { textTable } from './summary.js';

/** How strings become tokens, by the names that papers use. */
export const tokenizers: Readonly<Record<string, Tokenize>> = {
  whitespace: splitAtWhitespace,
  treebank: treebankTokens,
  '13a': mtevalTokens,
  intl: intlTokens,
  char: splitCharacters,
};

/** Options of `cfrl metrics`. */
export interface MetricsOptions {
  readonly field: string;
  readonly group?: string;
  readonly logProbs?: string;
  readonly correct?: string;
  readonly maxN: number;
  readonly tokenizer: string;
  readonly whole?: boolean;
  readonly json?: boolean;
}

/** `cfrl metrics FILE.jsonl`: streams the file (`-` is standard input), prints a table or JSON. */
export async function runMetrics(
  file: string,
  { json = false, whole = false, tokenizer, ...options }: MetricsOptions,
): Promise<void> {
  if (file === '-' && process.stdin.isTTY) {
    throw new Error(
      'metrics: no file is given, expected one, or lines on standard input; name a .jsonl file',
    );
  }
  const size = file === '-' ? undefined : sizeOf(file);
  const input = file === '-' ? process.stdin : createReadStream(file);
  const progress = showProgress(size);
  try {
    const result = await fileMetrics(
      linesOf(input, (bytes) => progress.add(bytes)),
      {
        ...options,
        whole,
        tokenize: tokenizers[tokenizer]!,
      },
    );
    progress.stop();
    process.stdout.write(
      json ? `${JSON.stringify(result)}\n` : `${metricsTable(result, process.stdout.columns)}\n`,
    );
  } finally {
    progress.stop();
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read',
};

/** Bytes of a file that can be read, or the one error that says why it cannot. */
function sizeOf(file: string): number {
  const refuse = (what: string): never => {
    throw new Error(
      `metrics: ${file} ${what}, expected a file with one JSON object a line; mend its path`,
    );
  };
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return refuse('is a folder');
    accessSync(file, constants.R_OK);
    return stat.size;
  } catch (error) {
    const { code = '', syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    return refuse(UNREADABLE[code] ?? `cannot be read (${code})`);
  }
}

/** The lines of a stream, whose errors end the loop over them. */
async function* linesOf(
  input: AsyncIterable<Buffer>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of input) {
    onBytes(chunk.length);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  yield rest + decoder.decode();
}

/** Four significant digits, or the number itself if it is whole. */
const short = (x: number): string => (Number.isInteger(x) ? String(x) : x.toPrecision(4));

/** A row a metric. */
function metricsTable({ completions, groups, metrics }: FileMetrics, width = 80): string {
  const rows = Object.entries(metrics).map(([name, { mean, standardError, min, max, n }]) => [
    name,
    short(mean),
    standardError === null ? '' : `+- ${short(standardError)}`,
    short(min),
    short(max),
    String(n),
  ]);
  return [
    textTable([['', 'mean', '', 'min', 'max', 'n'], ...rows], width),
    `${completions} completions${groups === 0 ? '; groups are compared with --group or --whole' : ` in ${groups} groups`}. +- is the standard error of the mean.`,
  ].join('\n');
}

/** A bar on a terminal when the size is known; elsewhere a line every ten seconds. */
function showProgress(size: number | undefined): { add(bytes: number): void; stop(): void } {
  const start = performance.now();
  let [read, said] = [0, start];
  if (process.stderr.isTTY && size !== undefined) {
    const bar = terminalBar(process.stderr, '{eta_formatted} left');
    bar.start(size, 0);
    return { add: (bytes) => bar.update((read += bytes)), stop: () => bar.stop() };
  }
  return {
    add: (bytes) => {
      read += bytes;
      const now = performance.now();
      if (now - said < 10_000) return;
      said = now;
      const share = size === undefined ? '' : ` (${Math.floor((100 * read) / size)} %)`;
      const seconds = formatSeconds((now - start) / 1000);
      process.stderr.write(`${Math.round(read / 1e6)} MB read${share} in ${seconds}\n`);
    },
    stop: () => undefined,
  };
}
