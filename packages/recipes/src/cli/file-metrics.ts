import { createHash } from 'node:crypto';

import {
  type Moments,
  type Text,
  type Tokenize,
  addMoment,
  distinctN,
  momentsDeviation,
  ngramEntropy,
  noMoments,
  passAtK,
  repetitionRate,
  selfBleu,
  sequenceEntropy,
  trailingLoop,
  uniqueRatio,
} from '@cfrl/metrics';

/** What to look for in each line of a file of completions. */
export interface FileMetricsOptions {
  /** Field of the completion: a string or a list of tokens. */
  readonly field: string;
  /** Field whose equal neighbours are one group, such as the prompt; without it nothing is compared. */
  readonly group?: string;
  /** Field of the log-probabilities of the tokens, nats. */
  readonly logProbs?: string;
  /** Field that says whether the completion was right: `true`, `false`, 1 or 0. */
  readonly correct?: string;
  /** Longest n-gram of self-BLEU. */
  readonly maxN: number;
  readonly tokenize: Tokenize;
  /** Whether all lines are one group, held in memory. */
  readonly whole: boolean;
}

/** A metric over completions, or over groups. */
interface MetricRow {
  readonly mean: number;
  /** Standard error of the mean; `null` from one value. */
  readonly standardError: number | null;
  readonly min: number;
  readonly max: number;
  /** How many completions or groups. */
  readonly n: number;
}

/** The metrics of a file of completions. */
export interface FileMetrics {
  readonly completions: number;
  readonly groups: number;
  readonly metrics: Readonly<Record<string, MetricRow>>;
}

interface Entry {
  readonly tokens: ArrayLike<string | number>;
  readonly correct: boolean | undefined;
}

/**
 * Metrics of completions, one JSON object a line, in the memory of the largest group (and 16 bytes a group, to
 * notice one that comes back).
 *
 * @param lines - JSON objects; blank lines are skipped
 * @throws Error that names the line, if one is not JSON, lacks a field, or belongs to a group that had ended
 */
export async function fileMetrics(
  lines: AsyncIterable<string>,
  options: FileMetricsOptions,
): Promise<FileMetrics> {
  const rows = new Map<string, Moments>();
  const add = (name: string, value: number): void => {
    rows.set(name, addMoment(rows.get(name) ?? noMoments, value));
  };
  const ended = new Set<string>();
  let current: { readonly key: string; readonly entries: Entry[] } | undefined;
  let [completions, groups, line] = [0, 0, 0];
  const endGroup = (): void => {
    if (current === undefined) return;
    groups++;
    addGroup(add, current.entries, options);
    ended.add(current.key);
    current = undefined;
  };
  for await (const text of lines) {
    line++;
    if (text.trim() === '') continue;
    const row = parse(text, line);
    const entry = addCompletion(add, row, line, options);
    completions++;
    if (options.group === undefined && !options.whole) continue;
    const key = options.group === undefined ? '' : groupKey(row, options.group, line);
    if (current?.key !== key) {
      endGroup();
      if (ended.has(key)) {
        throw new Error(
          `metrics: line ${line} is of a group that had ended, expected equal "${options.group}" next to each other; sort the file by it`,
        );
      }
      current = { key, entries: [] };
    }
    current!.entries.push(entry);
  }
  endGroup();
  if (completions === 0) throw new Error('metrics: the input has no line, expected at least one');
  return { completions, groups, metrics: Object.fromEntries([...rows].map(rowOf)) };
}

function rowOf([name, moments]: [string, Moments]): [string, MetricRow] {
  const { n, mean, min, max } = moments;
  const deviation = momentsDeviation(moments);
  const standardError = deviation === null ? null : deviation / Math.sqrt(n);
  return [name, { mean, standardError, min, max, n }];
}

type Add = (name: string, value: number) => void;
type Row = Readonly<Record<string, unknown>>;

function addCompletion(add: Add, row: Row, line: number, options: FileMetricsOptions): Entry {
  const refuse: (field: string, expected: string) => never = (field, expected) => {
    const is = describe(row[field]);
    throw new Error(`metrics: line ${line} has ${is} as "${field}", expected ${expected}`);
  };
  const value = row[options.field];
  if (typeof value !== 'string' && !isTokens(value)) {
    refuse(options.field, 'a string or a list of tokens; name the field with --field');
  }
  const text: Text = value;
  const tokens = typeof text === 'string' ? options.tokenize(text) : text;
  add('tokens', tokens.length);
  add('repeated 2-grams', repetitionRate(tokens, 2));
  // Twice the same word is no loop yet.
  add('ends in a loop', +(trailingLoop(tokens).length >= 8));
  if (options.logProbs !== undefined) {
    const logProbs = row[options.logProbs];
    if (!isTokens(logProbs) || !logProbs.every((x) => typeof x === 'number')) {
      refuse(options.logProbs, 'a list of numbers');
    }
    const { sequence, perToken } = at(line, () => sequenceEntropy([logProbs as number[]]));
    add('entropy, nats a completion', sequence.mean);
    add('entropy, nats a token', perToken.mean);
  }
  if (options.correct === undefined) return { tokens, correct: undefined };
  const correct = row[options.correct];
  if (correct !== true && correct !== false && correct !== 1 && correct !== 0) {
    refuse(options.correct, 'true, false, 1 or 0');
  }
  add('accuracy', +correct);
  return { tokens, correct: Boolean(correct) };
}

function addGroup(add: Add, entries: readonly Entry[], { maxN }: FileMetricsOptions): void {
  const texts = entries.map(({ tokens }) => tokens);
  add('group size', texts.length);
  if (texts.length > 1) {
    add(`self-BLEU-${maxN}`, selfBleu(texts, { maxN }).mean);
    add('unique completions', uniqueRatio(texts));
  }
  for (const n of [1, 2]) {
    if (!texts.some((tokens) => tokens.length >= n)) continue;
    add(`distinct-${n}`, distinctN(texts, n));
    add(`${n}-gram entropy, nats`, ngramEntropy(texts, n));
  }
  if (entries[0]!.correct === undefined) return;
  const right = entries.filter(({ correct }) => correct).length;
  for (let k = 1; k <= texts.length; k *= 2) add(`pass@${k}`, passAtK(texts.length, right, k));
}

function parse(text: string, line: number): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`metrics: line ${line} is not JSON (${(error as Error).message})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`metrics: line ${line} is ${describe(value)}, expected an object`);
  }
  return value as Row;
}

function groupKey(row: Row, field: string, line: number): string {
  const value = row[field];
  if (value === undefined) {
    throw new Error(`metrics: line ${line} has no "${field}"; name the field with --group`);
  }
  return createHash('sha256').update(JSON.stringify(value)).digest('base64').slice(0, 22);
}

function isTokens(value: unknown): value is (string | number)[] {
  return Array.isArray(value) && value.every((x) => typeof x === 'string' || typeof x === 'number');
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function at<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`metrics: line ${line}: ${(error as Error).message}`);
  }
}
